"""Deformable convolution: the definition pixel by pixel, gradients, precision."""

import pytest

torch = pytest.importorskip("torch")

from torch.nn.functional import conv2d

from idfree.learn.networks.deformable import TAPS, DeformableConv, deformable_conv

NAMES = ("x", "offset", "mask", "weight", "bias")


def inputs(batch=2, channels=3, out=4, height=4, width=5, spread=2.0):
    """Random inputs in float64 that require gradients; some samples lie outside the image."""
    random = torch.Generator().manual_seed(0)
    sizes = [(batch, channels, height, width), (batch, 2 * TAPS, height, width), (batch, TAPS, height, width)]
    sizes += [(out, channels, 3, 3), (out,)]
    tensors = [torch.randn(size, generator=random, dtype=torch.float64) for size in sizes]
    tensors[1] *= spread
    return [tensor.requires_grad_() for tensor in tensors]


def pixel(image, y, x):
    """(C,) a pixel; 0 outside the image."""
    inside = 0 <= y < image.shape[1] and 0 <= x < image.shape[2]
    return image[:, y, x] if inside else image.new_zeros(len(image))


def sample(image, y, x):
    """(C,) bilinear interpolation of the four pixels around a point."""
    top, left = int(y.floor()), int(x.floor())
    down, right = y - top, x - left
    above = (1 - right) * pixel(image, top, left) + right * pixel(image, top, left + 1)
    below = (1 - right) * pixel(image, top + 1, left) + right * pixel(image, top + 1, left + 1)
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
                    value_at_tap = sample(x[b], i + k // 3 - 1 + dy, j + k % 3 - 1 + dx)
                    value = value + weight[:, :, k // 3, k % 3] @ value_at_tap * mask[b, k, i, j]
                out[b, :, i, j] = value
    return out


def test_values_and_gradients_match_the_definition():
    tensors = inputs()
    output, expected = deformable_conv(*tensors), definition(*tensors)
    assert torch.allclose(output, expected, rtol=0, atol=1e-12)
    grad_output = torch.randn(output.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    gradients = (torch.autograd.grad(each, tensors, grad_output) for each in (output, expected))
    for name, a, b in zip(NAMES, *gradients, strict=True):
        assert a.shape == b.shape
        assert torch.allclose(a, b, rtol=0, atol=1e-12), name


def test_operator_registration():
    """PyTorch's checks of the schema, the shape inference and the autograd registration."""
    checks = ("test_schema", "test_faketensor", "test_autograd_registration")
    torch.library.opcheck(deformable_conv, inputs(height=3, width=3), test_utils=checks)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_zero_offsets_give_an_ordinary_convolution(dtype):
    x, offset, mask, weight, bias = (tensor.to(dtype) for tensor in inputs())
    result = deformable_conv(x, 0 * offset, torch.full_like(mask, 0.5), weight, bias)
    assert torch.allclose(result, conv2d(x, weight / 2, bias, padding=1), atol=1e-5)
    assert result.dtype == dtype


def test_integer_offsets_shift_the_image():
    x, offset, mask, weight, bias = inputs(height=6, width=6)
    down = torch.zeros_like(offset)
    down[:, 0::2] = 1
    result = deformable_conv(x, down, torch.ones_like(mask), weight, bias)
    assert torch.allclose(result[:, :, :-2], conv2d(x, weight, bias, padding=1)[:, :, 1:-1])


def test_the_layer_is_initially_a_convolution_of_half_the_weights():
    layer, x = DeformableConv(3, 4), torch.randn(2, 3, 8, 8)
    assert torch.allclose(layer(x), conv2d(x, layer.weight / 2, layer.bias, padding=1), atol=1e-5)
    assert {name: tuple(value.shape) for name, value in layer.state_dict().items()} == {
        "weight": (4, 3, 3, 3),
        "bias": (4,),
        "conv_offset_mask.weight": (27, 3, 3, 3),
        "conv_offset_mask.bias": (27,),
    }


def test_coordinates_are_exact_under_bfloat16():
    """bfloat16 cannot represent all columns above 256."""
    torch.manual_seed(0)
    layer, x = DeformableConv(2, 3), torch.randn(1, 2, 4, 310)
    with torch.autocast("cpu", torch.bfloat16):
        result = layer(x)
    result.float().square().sum().backward()
    assert result.dtype == torch.bfloat16
    assert torch.allclose(result.float(), layer(x), atol=0.03)
    assert all(parameter.grad.isfinite().all() for parameter in layer.parameters())


def test_channels_last_format_is_kept():
    layer, x = DeformableConv(4, 6), torch.randn(2, 4, 5, 7).to(memory_format=torch.channels_last)
    assert layer(x).is_contiguous(memory_format=torch.channels_last)
