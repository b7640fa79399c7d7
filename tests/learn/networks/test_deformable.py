"""Deformable convolution against its definition, pixel by pixel."""

import pytest

torch = pytest.importorskip("torch")

from torch.nn.functional import conv2d

from idfree.learn.networks.deformable import TAPS, DeformableConv, deformable_conv

NAMES = ("x", "offset", "mask", "weight", "bias")


def inputs(batch=2, channels=3, out=4, height=4, width=5, spread=2.0):
    """In float64, wanting gradients; some samples lie outside the picture."""
    random = torch.Generator().manual_seed(0)
    sizes = [(batch, channels, height, width), (batch, 2 * TAPS, height, width), (batch, TAPS, height, width)]
    sizes += [(out, channels, 3, 3), (out,)]
    tensors = [torch.randn(size, generator=random, dtype=torch.float64) for size in sizes]
    tensors[1] *= spread
    return [tensor.requires_grad_() for tensor in tensors]


def pixel(picture, y, x):
    """(C,) a pixel; outside the picture all is 0."""
    inside = 0 <= y < picture.shape[1] and 0 <= x < picture.shape[2]
    return picture[:, y, x] if inside else picture.new_zeros(len(picture))


def sample(picture, y, x):
    """(C,) bilinear between the four pixels around a point."""
    top, left = int(y.floor()), int(x.floor())
    down, right = y - top, x - left
    above = (1 - right) * pixel(picture, top, left) + right * pixel(picture, top, left + 1)
    below = (1 - right) * pixel(picture, top + 1, left) + right * pixel(picture, top + 1, left + 1)
    return (1 - down) * above + down * below


def definition(x, offset, mask, weight, bias):
    """Σ_k w_k · x(p + p_k + Δp_k) · Δm_k (Zhu 2019, eq. 1)."""
    out = torch.zeros(len(x), len(weight), *x.shape[2:], dtype=x.dtype)
    for b in range(len(x)):
        for i in range(x.shape[2]):
            for j in range(x.shape[3]):
                value = bias
                for k in range(TAPS):
                    dy, dx = offset[b, 2 * k : 2 * k + 2, i, j]
                    seen = sample(x[b], i + k // 3 - 1 + dy, j + k % 3 - 1 + dx)
                    value = value + weight[:, :, k // 3, k % 3] @ seen * mask[b, k, i, j]
                out[b, :, i, j] = value
    return out


def test_it_is_its_definition_and_so_are_its_gradients():
    tensors = inputs()
    found, expected = deformable_conv(*tensors), definition(*tensors)
    assert torch.allclose(found, expected, rtol=0, atol=1e-12)
    slope = torch.randn(found.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    ours, theirs = (torch.autograd.grad(out, tensors, slope) for out in (found, expected))
    for name, a, b in zip(NAMES, ours, theirs, strict=True):
        assert a.shape == b.shape
        assert torch.allclose(a, b, rtol=0, atol=1e-12), name


def test_it_is_a_proper_operator():
    """Schema, shapes without values, and that gradients are its own, as PyTorch checks them."""
    checks = ("test_schema", "test_faketensor", "test_autograd_registration")
    torch.library.opcheck(deformable_conv, inputs(height=3, width=3), test_utils=checks)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_without_offsets_it_is_a_convolution(dtype):
    x, offset, mask, weight, bias = (tensor.to(dtype) for tensor in inputs())
    found = deformable_conv(x, 0 * offset, torch.full_like(mask, 0.5), weight, bias)
    assert torch.allclose(found, conv2d(x, weight / 2, bias, padding=1), atol=1e-5)
    assert found.dtype == dtype


def test_whole_offsets_move_the_picture():
    x, offset, mask, weight, bias = inputs(height=6, width=6)
    down = torch.zeros_like(offset)
    down[:, 0::2] = 1
    found = deformable_conv(x, down, torch.ones_like(mask), weight, bias)
    assert torch.allclose(found[:, :, :-2], conv2d(x, weight, bias, padding=1)[:, :, 1:-1])


def test_the_layer_begins_as_a_convolution_at_half_strength():
    layer, x = DeformableConv(3, 4), torch.randn(2, 3, 8, 8)
    assert torch.allclose(layer(x), conv2d(x, layer.weight / 2, layer.bias, padding=1), atol=1e-5)
    assert {name: tuple(value.shape) for name, value in layer.state_dict().items()} == {
        "weight": (4, 3, 3, 3),
        "bias": (4,),
        "conv_offset_mask.weight": (27, 3, 3, 3),
        "conv_offset_mask.bias": (27,),
    }


def test_bfloat16_still_counts_pixels():
    """Column 300 is none that bfloat16 knows."""
    torch.manual_seed(0)
    layer, x = DeformableConv(2, 3), torch.randn(1, 2, 4, 310)
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(x)
    found.float().square().sum().backward()
    assert found.dtype == torch.bfloat16
    assert torch.allclose(found.float(), layer(x), atol=0.03)
    assert all(parameter.grad.isfinite().all() for parameter in layer.parameters())


def test_channels_last_stays_channels_last():
    layer, x = DeformableConv(4, 6), torch.randn(2, 4, 5, 7).to(memory_format=torch.channels_last)
    assert layer(x).is_contiguous(memory_format=torch.channels_last)
