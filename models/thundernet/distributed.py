"""The processes that train one model together, and sums over all of them.

Alone, a process is the first of one, and every sum is its own value.
"""

from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

Item = TypeVar("Item")


@dataclass(frozen=True)
class Share:
    """Which part of every batch is a process's own."""

    rank: int = 0
    count: int = 1

    def of(self, batch: list[Item]) -> list[Item]:
        size = len(batch) // self.count
        return batch[self.rank * size : (self.rank + 1) * size]


ALONE = Share()


def own_share() -> Share:
    if dist.is_available() and dist.is_initialized():
        return Share(dist.get_rank(), dist.get_world_size())
    return ALONE


def sum_over_processes(values: Tensor) -> Tensor:
    """The sum of every process's `values`; carries no gradient."""
    total = values.detach().clone()
    if own_share().count > 1:
        dist.all_reduce(total)
    return total


def gather_from_processes(values: Tensor) -> Tensor:
    """Every process's `values` (D,) in the order of ranks, (P, D); carries no gradient."""
    values = values.detach()
    found = values.new_empty(own_share().count, *values.shape)
    if len(found) == 1:
        return values[None]
    dist.all_gather(list(found.unbind()), values)
    return found


def loss_divisor(count: Tensor) -> Tensor:
    """What a sum over this process's examples is divided by to become its part of the loss.

    Gradients are averaged over the P processes. With the mean count as divisor that average is the
    gradient of (sum over all examples) / (count of all), the loss of the joined batch; with each
    process's own count it would not be. Where nothing counts at all, 1 of the joined batch.
    """
    processes = own_share().count
    return sum_over_processes(count.to(torch.float32)).clamp(min=1) / processes
