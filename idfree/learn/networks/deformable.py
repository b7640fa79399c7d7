"""Convolution whose nine samples lie where the network wants them (Zhu 2019, Deformable ConvNets v2, eq. 2).

Each sample is bilinear: a weighted sum of four pixels, which is what an embedding bag computes; the rest is one matrix
product. On a processor that is several times faster than sampling kernels written for GPUs, and it is exact. Backward,
samples are taken again instead of kept (nine times the map, for every layer), and what each pixel receives is summed in
one bag of its own: no more time than PyTorch's own gradient of bags, less memory, less rounding in bfloat16.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag, linear

TAPS = 9  # of a 3×3 kernel, row by row
CORNERS = 4  # pixels around a sample


class DeformableConv(nn.Module):
    """(B, C, H, W) → (B, channels, H, W): a 3×3 convolution that moves and weighs its samples by what it sees.

    Begins as an ordinary convolution at half strength (Zhu 2019, sec. 3.2). Parameters are named as in CenterNet.
    """

    def __init__(self, channels_in: int, channels: int):
        super().__init__()
        ordinary = nn.Conv2d(channels_in, channels, 3)
        assert ordinary.bias is not None
        self.weight, self.bias = ordinary.weight, ordinary.bias
        self.conv_offset_mask = nn.Conv2d(channels_in, 3 * TAPS, 3, padding=1)
        for parameter in self.conv_offset_mask.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        seen = self.conv_offset_mask(x)
        exact = seen.to(torch.promote_types(seen.dtype, torch.float32))
        x, weight, bias = (tensor.to(seen.dtype) for tensor in (x, self.weight, self.bias))  # as autocast has it
        return deformable_conv(x, exact[:, : 2 * TAPS], exact[:, 2 * TAPS :].sigmoid(), weight, bias)


@torch.library.custom_op("idfree::deformable_conv", mutates_args=())
def deformable_conv(x: Tensor, offset: Tensor, mask: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """(B, C, H, W) → (B, O, H, W), stride 1, padded with zeros. ONNX knows it as DeformConv (opset 19).

    offset (B, 18, H, W): (y, x) of each tap in pixels; mask (B, 9, H, W); weight (O, C, 3, 3); bias (O,). Offsets and
    mask in float32 at least, as bfloat16 cannot count pixels; the rest in one precision.
    """
    size_hw = (x.shape[2], x.shape[3])
    columns = sampled(rows_of(x), *corners(offset, mask, size_hw))
    out = linear(columns.view(-1, TAPS * x.shape[1]), matrix_of(weight), bias)
    return out.view(len(x), *size_hw, -1).permute(0, 3, 1, 2)  # B H W O -> B O H W


@deformable_conv.register_fake
def shape_of(x: Tensor, offset: Tensor, mask: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    batch, _, height, width = x.shape
    return x.new_empty(batch, height, width, len(weight)).permute(0, 3, 1, 2)


def corners(offset: Tensor, mask: Tensor, size_hw: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """The pixels around each sample, as rows of `rows_of` (B·H·W·9, 4), and their shares; those outside have none."""
    height, width = size_hw
    tap = torch.arange(TAPS, device=offset.device)
    dy, dx = offset[:, 0::2].movedim(1, 3), offset[:, 1::2].movedim(1, 3)  # B H W 9 each
    lines = along(dy + (tap // 3 - 1) + torch.arange(height, device=offset.device).view(-1, 1, 1), height)
    places = along(dx + (tap % 3 - 1) + torch.arange(width, device=offset.device).view(-1, 1), width)
    first = torch.arange(len(offset), device=offset.device, dtype=torch.int32).view(-1, 1, 1, 1) * height
    lines = [((first + y) * width, down * mask.movedim(1, 3)) for y, down in lines]
    found = [(y + x, down * right) for y, down in lines for x, right in places]
    row = torch.stack([row for row, _ in found], dim=-1)
    share = torch.stack([share for _, share in found], dim=-1)
    return row.view(-1, CORNERS), share.view(-1, CORNERS)


def along(place: Tensor, count: int) -> list[tuple[Tensor, Tensor]]:
    """The two pixels (…) beside each place (…) along one axis, with their shares: none for one that is not there."""
    before = place.detach().floor()
    beyond = place - before
    found = []
    for pixel, share in ((before, 1 - beyond), (before + 1, beyond)):
        there = pixel.clamp(0, count - 1).nan_to_num()  # an index even where training has gone astray
        found.append((there.int(), torch.where(there == pixel, share, 0)))
    return found


def sampled(rows: Tensor, row: Tensor, share: Tensor) -> Tensor:
    """(B·H·W·9, C): the sum of four rows each, by their shares."""
    return embedding_bag(row, rows, mode="sum", per_sample_weights=share.to(rows.dtype))


def rows_of(x: Tensor) -> Tensor:
    """(B, C, H, W) → (B·H·W, C)."""
    return x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])


def matrix_of(weight: Tensor) -> Tensor:
    """(O, C, 3, 3) → (O, 9·C), taps first, as samples lie."""
    return weight.permute(0, 2, 3, 1).reshape(len(weight), -1)


def keep(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs[:4])


def gradients(ctx: Any, slope: Tensor) -> tuple[Tensor, ...]:
    """Of all five inputs, `slope` (B, O, H, W) being that of the output."""
    x, offset, mask, weight = ctx.saved_tensors
    batch, channels, height, width = x.shape
    rows, slope = rows_of(x), rows_of(slope)
    with torch.enable_grad():
        places, strength = offset.detach().requires_grad_(), mask.detach().requires_grad_()
        row, share = corners(places, strength, (height, width))
        columns = sampled(rows, row, share)
    of_columns = (slope @ matrix_of(weight)).view(-1, channels)
    of_offset, of_mask = torch.autograd.grad(columns, (places, strength), of_columns)
    of_x = scattered(of_columns, row, share.detach(), len(rows)).view(batch, height, width, channels)
    of_weight = (slope.T @ columns.detach().view(-1, TAPS * channels)).view(-1, 3, 3, channels)
    return of_x.permute(0, 3, 1, 2), of_offset, of_mask, of_weight.permute(0, 3, 1, 2), slope.sum(0)


def scattered(columns: Tensor, row: Tensor, share: Tensor, count: int) -> Tensor:
    """(count, C), the transpose of `sampled`: each row the sum of the columns that took from it, by its shares."""
    order = row.flatten().argsort()
    ends = torch.bincount(row.flatten(), minlength=count).cumsum(0)
    begins = torch.cat([ends.new_zeros(1), ends[:-1]])
    shares = share.flatten()[order].to(columns.dtype)
    return embedding_bag(order // CORNERS, columns, begins, mode="sum", per_sample_weights=shares)


deformable_conv.register_autograd(gradients, setup_context=keep)
