"""Runs a function in two processes that are joined over gloo, as torchrun joins them."""

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch.multiprocessing.spawn import spawn

COUNT = 2


def join_and_call(rank: int, port: int, task: Callable[..., Any], folder: Path) -> None:
    torch.set_num_threads(1)
    # What torchrun tells its processes.
    places = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": COUNT, "LOCAL_WORLD_SIZE": COUNT}
    os.environ.update({name: str(value) for name, value in places.items()})
    address = f"tcp://127.0.0.1:{port}"
    dist.init_process_group("gloo", init_method=address, rank=rank, world_size=COUNT)
    try:
        torch.save(task(rank, folder), folder / f"rank-{rank}.pt")
    finally:
        dist.destroy_process_group()


def call_in_two(task: Callable[[int, Path], Any], folder: Path) -> list[Any]:
    """What `task(rank, folder)`, a function of a module, returns in each process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    spawn(join_and_call, (port, task, folder), nprocs=COUNT)
    return [torch.load(folder / f"rank-{rank}.pt") for rank in range(COUNT)]
