"""Batch norm, ReLU and max-pool as one step of training: fewer passes over the largest tensors.

Batch norm with positive scale and ReLU keep the order of numbers, so pooling may come first, and
the two then see a quarter of the numbers (for 2x2). The statistics still come from all of them.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import nn
from torch.nn import functional

HALF = (torch.bfloat16, torch.float16)

PATTERN = (nn.BatchNorm2d, nn.ReLU, nn.MaxPool2d)


def training_form(module: nn.Module) -> nn.Module:
    """Return a module of the same parameters and buffers that trains faster; or `module` itself.

    Its answers and gradients are those of `module` in training mode, up to rounding.
    """
    if type(module) is not nn.Sequential:
        return module
    layers = list(module)
    formed: list[nn.Module] = []
    while layers:
        if _matches(layers[:3]):
            norm, _, pool = layers[:3]
            formed.append(BatchNormReluMaxPool(_as_norm(norm), cast("nn.MaxPool2d", pool)))
            del layers[:3]
        else:
            formed.append(layers.pop(0))
    return nn.Sequential(*formed)


def _matches(layers: list[nn.Module]) -> bool:
    if [type(layer) for layer in layers] != list(PATTERN):
        return False
    norm, pool = _as_norm(layers[0]), cast("nn.MaxPool2d", layers[2])
    return (
        norm.affine
        and norm.track_running_stats
        and norm.momentum is not None
        and not pool.return_indices
    )


def _as_norm(layer: nn.Module) -> nn.BatchNorm2d:
    return cast("nn.BatchNorm2d", layer)


class BatchNormReluMaxPool(nn.Module):
    """The three layers in one; shares the batch norm's parameters and running statistics."""

    def __init__(self, norm: nn.BatchNorm2d, pool: nn.MaxPool2d) -> None:
        super().__init__()
        self.norm = norm
        self.pool = pool

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return pooled activations of [N, C, H, W], in training mode only."""
        if bool((self.norm.weight <= 0).any()):
            # A scale below 0 turns the order round: the largest is not the largest any more.
            return cast("torch.Tensor", self.pool(functional.relu(self.norm(images))))
        answer, mean, variance = _Fused.apply(images, self.norm.weight, self.norm.bias, self)
        self._update_statistics(mean, variance, images.numel() // images.shape[1])
        return cast("torch.Tensor", answer)

    @torch.no_grad()
    def _update_statistics(self, mean: torch.Tensor, variance: torch.Tensor, count: int) -> None:
        norm = self.norm
        momentum = cast("float", norm.momentum)
        for running, batch in (
            (norm.running_mean, mean),
            (norm.running_var, variance * count / max(1, count - 1)),
        ):
            cast("torch.Tensor", running).lerp_(batch, momentum)
        cast("torch.Tensor", norm.num_batches_tracked).add_(1)


class _Fused(torch.autograd.Function):
    """max-pool(relu(norm(x))) = relu(scale * max-pool(x) + shift) for scale > 0.

    The gradient of batch norm by x is dense: through the mean and the variance every x counts.
    With n numbers a channel, g the gradient at the pooled norm, and h = (x - mean) / deviation,

        dx = scale * (unpool(g) - sum(g) / n - h * sum(g * h) / n)
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor,
        layer: BatchNormReluMaxPool,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        pool = layer.pool
        if not (x.is_contiguous() or x.is_contiguous(memory_format=torch.channels_last)):
            x = x.contiguous()
        with torch.autocast(x.device.type, enabled=False):
            mean, variance = _statistics(x)
            inverse = (variance + layer.norm.eps).rsqrt()
            scale = weight * inverse
            pooled, indices = functional.max_pool2d(
                x,
                pool.kernel_size,
                pool.stride,
                pool.padding,
                pool.dilation,
                pool.ceil_mode,
                return_indices=True,
            )
            shift = bias - mean * scale
            answer = torch.addcmul(_wide(shift, x), pooled, _wide(scale, x)).relu_()
        ctx.save_for_backward(x, pooled, indices, answer, weight, mean, inverse)
        ctx.mark_non_differentiable(mean, variance)
        return answer, mean, variance

    @staticmethod
    def backward(
        ctx: Any, grad: torch.Tensor, *_: object
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, None]:
        x, pooled, indices, answer, weight, mean, inverse = ctx.saved_tensors
        grad = torch.ops.aten.threshold_backward(grad, answer, 0)
        d_bias = _channel_sums(grad)
        d_weight = (_channel_sums(grad * pooled) - mean * d_bias) * inverse
        scale = weight * inverse
        count = x.numel() // x.shape[1]
        slope = -scale * d_weight * inverse / count
        offset = -scale * d_bias / count - slope * mean
        dx = torch.addcmul(_wide(offset, x), x, _wide(slope, x))
        _add_at(dx, indices, grad * _wide(scale, x))
        return dx, d_weight, d_bias, None


def _statistics(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return each channel's mean and biased variance [C], in float32 at least."""
    count = x.numel() // x.shape[1]
    if x.dtype in HALF:
        x = x.float()
    mean = _channel_sums(x) / count
    return mean, (_channel_sums(x.square()) / count - mean.square()).clamp_min_(0)


def _channel_sums(x: torch.Tensor) -> torch.Tensor:
    """Return the sum of each channel [C], in float32 at least."""
    if x.dtype in HALF or x.is_contiguous():
        return x.sum((0, 2, 3), dtype=torch.float32 if x.dtype in HALF else None)
    # As a matrix product: several times quicker than torch's sum over rows.
    rows = _rows(x).flatten(0, 1)
    return (rows.new_ones(1, len(rows)) @ rows)[0]


def _add_at(x: torch.Tensor, indices: torch.Tensor, values: torch.Tensor) -> None:
    """Add pooled values to [N, C, H, W] at the places in H * W that they came from."""
    if x.is_contiguous():
        x.flatten(2).scatter_add_(2, indices.flatten(2), values.flatten(2))
    else:
        _rows(x).scatter_add_(1, _rows(indices), _rows(values))


def _rows(x: torch.Tensor) -> torch.Tensor:
    """Return [N, C, H, W] as [N, H * W, C]; a view where channels are last in memory."""
    return x.permute(0, 2, 3, 1).flatten(1, 2)


def _wide(values: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Return one value a channel in the shape and type that go with [N, C, H, W]."""
    return values.to(x.dtype).view(1, -1, 1, 1)
