"""Weight gradients of depthwise convolutions over small maps, which torch computes very slowly on a CPU.

Where a map is smaller than the kernel, as in the last blocks of an EfficientNet that sees a face at 64 pixels, oneDNN
has no fast kernel for the gradient of the weights and takes its reference implementation: 50 times as long as the
forward pass, and half of a whole training step. Here the gradient is a sum over the few places of the kernel that meet
the map. It is the same sum in another order, so it differs in the last digits alone, as it does between two releases of
torch.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.overrides import TorchFunctionMode


class FastDepthwiseGradients(TorchFunctionMode):
    """While it is entered, the depthwise convolutions concerned have a faster gradient; all else is torch's own.

    They are those in float32 on a CPU, outside autocast, without a bias, whose output is smaller than their kernel.
    """

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Take over calls of `torch.conv2d` whose gradient would be slow."""
        if function is torch.conv2d and not kwargs and len(args) == 7 and _slow(*args):
            return _Depthwise.apply(args[0], args[1], args[3], args[4])
        return function(*args, **(kwargs or {}))


def _slow(maps: Tensor, weight: Tensor, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> bool:
    """Whether this is a depthwise convolution over maps smaller than its kernel, on a CPU, that is to learn."""
    if not groups == weight.shape[0] == maps.shape[1] > 1 or bias is not None or maps.device.type != "cpu":
        return False
    if not (torch.is_grad_enabled() and weight.requires_grad) or torch.is_autocast_enabled("cpu"):
        return False
    pairs = all(isinstance(value, tuple) and len(value) == 2 for value in (stride, padding, dilation))
    if not pairs or dilation != (1, 1) or maps.dtype != torch.float32:
        return False
    kernel = weight.shape[2:]
    sides = [(maps.shape[2 + axis] + 2 * padding[axis] - kernel[axis]) // stride[axis] + 1 for axis in (0, 1)]
    return any(0 < side < size for side, size in zip(sides, kernel, strict=True))


class _Depthwise(torch.autograd.Function):
    """A depthwise convolution without bias: float32 [N, C, H, W] and [C, 1, K, L] to [N, C, h, w]."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor, stride: tuple[int, int], padding: tuple[int, int]) -> Tensor:
        ctx.save_for_backward(maps, weight)
        ctx.stride, ctx.padding = stride, padding
        return torch.conv2d(maps, weight, None, stride, padding, 1, len(weight))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, None, None]:
        maps, weight = ctx.saved_tensors
        settings = ctx.stride, ctx.padding, (1, 1), False, (0, 0), len(weight), (ctx.needs_input_grad[0], False, False)
        of_maps = torch.ops.aten.convolution_backward(gradient, maps, weight, None, *settings)[0]
        return of_maps, _weight_gradient(gradient, maps, weight, ctx.stride, ctx.padding), None, None


def _weight_gradient(
    gradient: Tensor, maps: Tensor, weight: Tensor, stride: tuple[int, int], padding: tuple[int, int]
) -> Tensor:
    """The gradient of the weights, float32 [C, 1, K, L], place by place of the kernel.

    Place (k, m) joins the output (y, x) to the input (y * stride + k - padding, x * stride + m - padding).
    """
    found = torch.zeros_like(weight)
    for k in range(weight.shape[2]):
        rows, from_rows = _meeting(k - padding[0], stride[0], maps.shape[2], gradient.shape[2])
        for m in range(weight.shape[3]):
            columns, from_columns = _meeting(m - padding[1], stride[1], maps.shape[3], gradient.shape[3])
            met = gradient[:, :, rows, columns] * maps[:, :, from_rows, from_columns]
            found[:, 0, k, m] = met.sum((0, 2, 3))
    return found


def _meeting(offset: int, stride: int, size: int, outputs: int) -> tuple[slice, slice]:
    """The outputs y for which y * stride + offset lies in the map, and these places of the map; both may be empty."""
    first = max(0, -(offset // stride))
    last = max(first, min(outputs, -((offset - size) // stride)))
    start = first * stride + offset
    return slice(first, last), slice(start, start + (last - first) * stride, stride)
