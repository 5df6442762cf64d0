"""Joining the processes that torchrun has started on one machine, and deciding alike in all.

torchrun --nproc-per-node 4 -m models.train configs/train/snet49_coco.yaml --out runs/snet49
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist

from models.errors import ConfigError
from models.thundernet.distributed import own_share

# What the first process does alone (decoding a data set, validation) the others wait for; torchrun
# ends them if it dies meanwhile.
PATIENCE = timedelta(hours=24)

Loaded = TypeVar("Loaded")


class PeerError(RuntimeError):
    """Another process of the run has failed, and printed the reason."""


def check_launch(batch_size: int) -> None:
    """Raises ConfigError where the processes that torchrun started cannot train together."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    here = int(os.environ.get("LOCAL_WORLD_SIZE", str(count)))
    if here != count:
        raise ConfigError(
            f"torchrun: expected all {count} processes on one machine, got {here} on this one; "
            "the cache of decoded images is built once, by the first process"
        )
    if batch_size % count:
        raise ConfigError(
            f"batch_size: expected a multiple of the {count} processes, got {batch_size}"
        )


def choose_device(name: str) -> torch.device:
    """This process's device: of several GPUs that with the number of the process."""
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"device: expected cpu or cuda, got {name!r}") from error
    if device.type != "cuda":
        return device
    index = int(os.environ.get("LOCAL_RANK", "0")) if device.index is None else device.index
    if index >= torch.cuda.device_count():
        raise ConfigError(
            f"device: expected a GPU {index} for {name!r}, found {torch.cuda.device_count()} GPUs"
        )
    torch.cuda.set_device(index)
    return torch.device("cuda", index)


class Agreement:
    """Decisions that all processes of a run must take alike."""

    def __init__(self) -> None:
        self.group: dist.ProcessGroup | None = None
        if own_share().count > 1:
            # Over the CPU: asking after every iteration must not wait for the GPU.
            self.group = dist.new_group(backend="gloo", timeout=PATIENCE)

    def any(self, wish: bool) -> bool:
        """Whether any process wishes it. All must ask."""
        if self.group is None:
            return wish
        wishes = torch.tensor([float(wish)])
        dist.all_reduce(wishes, group=self.group)
        return bool(wishes.item())

    def first_then_others(self, load: Callable[[], Loaded]) -> Loaded:
        """What `load` returns, in every process; the first is done before the others begin."""
        is_first, failed = own_share().rank == 0, True
        try:
            loaded = load() if is_first else None
            failed = False
        finally:
            failed = self.any(failed)
        if failed:
            raise PeerError("stopped, because the first process cannot go on")
        return load() if loaded is None else loaded


@contextmanager
def joined_processes(device: torch.device) -> Iterator[Agreement]:
    """Membership in the group of processes that torchrun has started; none without torchrun."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Agreement()
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield Agreement()
    finally:
        dist.destroy_process_group()
