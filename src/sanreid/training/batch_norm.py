"""Batch normalisation over the whole batch of several ranks (training/distributed.py).

Decisions: on CUDA torch's SyncBatchNorm is used, whose kernels are fused; it does not support the CPU, for which there
is an implementation here. The modules' class is changed in place, so that names, parameters and buffers are the same as
in one process, and a checkpoint works for both. torch.compile is interrupted at each module, where the ranks
synchronise; this is set up only if there are several ranks, because it imports torch's compiler, 1.7 s of processor
time.
"""

from functools import cache
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn

from sanreid import process_group

M = TypeVar("M", bound=nn.Module)


def synchronise(model: M) -> M:
    """Let the BatchNorms of `model` see the whole batch; parameters, buffers and their names stay. Returns `model`."""
    if process_group.size() > 1:
        _cut()
        for module in model.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                there: Any = module  # in place: whoever holds it or its parameters still does
                there.__class__, there.process_group = BatchNorm, None
    return model


@cache
def _cut() -> None:
    """A compiled network is cut at each BatchNorm: the ranks have to meet there."""
    BatchNorm.forward = torch.compiler.disable(BatchNorm.forward)


class BatchNorm(nn.SyncBatchNorm):
    """Batch normalisation over the batches of all ranks, on CUDA and on the CPU; (N, C) or (N, C, H, W)."""

    def forward(self, values: Tensor) -> Tensor:  # pyrefly: ignore
        """As torch's."""
        if values.is_cuda and self.training:
            return super().forward(values)
        assert self.running_mean is not None
        assert self.running_var is not None
        if not self.training:
            kept = (self.running_mean, self.running_var, self.weight, self.bias)
            return nn.functional.batch_norm(values, *kept, False, 0.0, self.eps)
        normal, average, variance = _Normal.apply(values, self.weight, self.bias, self.eps)
        with torch.no_grad():
            count = values.numel() // values.shape[1] * process_group.size()
            assert self.num_batches_tracked is not None
            assert self.momentum is not None
            self.num_batches_tracked.add_(1)
            self.running_mean.lerp_(average, self.momentum)
            self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
        return normal


class _Normal(torch.autograd.Function):
    """(values, weight, bias, eps) -> the normalised values, and the whole batch's mean and biased variance (C,).

    Backward, of one feature with n values x of all ranks, y = w * z + b, z = (x - m) / s (Ioffe & Szegedy 2015):
    dL/dx = w / s * (dL/dy - mean(dL/dy) - z * mean(dL/dy * z)).
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:  # pyrefly: ignore
        over = [d for d in range(values.ndim) if d != 1]
        variance, average = torch.var_mean(values, over, correction=0)
        # equal shares: the whole variance is the mean of the variances and of the squared ways to the whole mean
        whole = average.clone()
        distributed.all_reduce(whole)
        whole /= process_group.size()
        variance = variance + (average - whole).square()
        distributed.all_reduce(variance)
        variance /= process_group.size()
        ctx.save_for_backward(values, weight, whole, (variance + eps).rsqrt())
        ctx.mark_non_differentiable(whole, variance)
        return nn.functional.batch_norm(values, whole, variance, weight, bias, False, 0.0, eps), whole, variance

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, *_: Any) -> tuple[Tensor, Tensor, Tensor, None]:  # pyrefly: ignore
        values, weight, average, scale = ctx.saved_tensors
        over = [d for d in range(values.ndim) if d != 1]
        shape = [1, -1] + [1] * (values.ndim - 2)
        normal = (values - average.view(shape)) * scale.view(shape)
        own = torch.stack([gradient.sum(over), (gradient * normal).sum(over)])
        whole = own.clone()
        distributed.all_reduce(whole)
        whole /= values.numel() // values.shape[1] * process_group.size()
        below = (gradient - whole[0].view(shape) - normal * whole[1].view(shape)) * (weight * scale).view(shape)
        return below, own[1], own[0], None  # the parameters' are summed with all others
