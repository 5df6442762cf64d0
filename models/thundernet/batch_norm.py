"""Cross-GPU batch normalisation (Sec. 4.1, CGBN): statistics of all processes' images.

torch's own `SyncBatchNorm` refuses the CPU, where this is tested; this one is plain tensor code
and two small collectives per layer, the same over gloo and NCCL.

Shapes: N images of this process, C channels, P processes; maps (N, C, H, W).
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from models.thundernet.distributed import gather_from_processes, own_share, sum_over_processes

MAP_AXES = (0, 2, 3)  # all but channels


def widen(x: Tensor) -> Tensor:
    """`x` in at least float32: sums over a map in bfloat16 would keep three digits."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def per_channel(values: Tensor) -> Tensor:
    return values.view(1, -1, 1, 1)


def joined_statistics(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean (C,), variance (C,) and count of values per channel over all processes' maps."""
    variance, mean = torch.var_mean(x, dim=MAP_AXES, correction=0)
    count = x.new_full((1,), x.numel() / x.shape[1])  # made on the device: nothing waits
    # Moments of parts, not sums of squares, whose difference cancels where the mean is large.
    parts = gather_from_processes(torch.cat((mean, variance, count)))  # (P, 2 C + 1)
    counts = parts[:, -1:]
    means, variances = parts[:, :-1].chunk(2, dim=1)  # (P, C) each
    total = counts.sum()
    mean = (counts * means).sum(dim=0) / total
    variance = (counts * (variances + (means - mean) ** 2)).sum(dim=0) / total
    return mean, variance, total


class JoinedNormalisation(torch.autograd.Function):
    """Normalised maps, and the statistics that they were normalised with."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        wide = widen(x)
        mean, variance, total = joined_statistics(wide)
        inverse_std = (variance + eps).rsqrt()
        scale = weight * inverse_std
        shift = bias - mean * scale
        ctx.save_for_backward(x, weight, mean, inverse_std, total)
        ctx.mark_non_differentiable(mean, variance, total)
        ctx.set_materialize_grads(False)
        normalised = torch.addcmul(per_channel(shift), wide, per_channel(scale)).to(x.dtype)
        return normalised, mean, variance, total

    @staticmethod
    def backward(ctx: Any, grad: Tensor, *_: Any) -> tuple[Tensor, Tensor, Tensor, None]:
        x, weight, mean, inverse_std, total = ctx.saved_tensors
        wide_grad = widen(grad)
        standard = (widen(x) - per_channel(mean)) * per_channel(inverse_std)
        bias_grad = wide_grad.sum(dim=MAP_AXES)
        weight_grad = (wide_grad * standard).sum(dim=MAP_AXES)
        # Every value moved the statistics of all processes; the parameters' own gradients stay
        # local, because data parallelism averages those of all parameters alike.
        means = sum_over_processes(torch.stack((bias_grad, weight_grad))) / total  # (2, C)
        along = per_channel(means[0]) + standard * per_channel(means[1])
        x_grad = (wide_grad - along) * per_channel(weight * inverse_std)
        return x_grad.to(x.dtype), weight_grad, bias_grad, None


class CrossProcessBatchNorm(nn.BatchNorm2d):
    """Batch norm of the joined batch in training; in evaluation, and alone, the plain one."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or own_share().count == 1:
            return super().forward(x)
        apply: Callable[..., tuple[Tensor, Tensor, Tensor, Tensor]] = JoinedNormalisation.apply
        normalised, mean, variance, total = apply(x, self.weight, self.bias, self.eps)
        with torch.no_grad():
            self.track(mean, variance * total / (total - 1))
        return normalised

    def track(self, mean: Tensor, unbiased_variance: Tensor) -> None:
        """Moves the running statistics towards those of a batch."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
        self.running_var.lerp_(unbiased_variance.to(self.running_var.dtype), self.momentum)


def join_batch_norm(module: nn.Module) -> None:
    """Replaces every batch norm below `module`; weights, statistics and their names stay."""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            joined = CrossProcessBatchNorm(child.num_features, child.eps, child.momentum)
            joined.weight, joined.bias = child.weight, child.bias
            for buffer, value in child.named_buffers(recurse=False):
                setattr(joined, buffer, value)
            setattr(module, name, joined.train(child.training))
        else:
            join_batch_norm(child)
