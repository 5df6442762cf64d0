"""Training runs as processes of their own, and what is to be said of their checkpoints."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node")


def start_training(
    recipe: Path, out: Path, *more: str, processes: int = 1
) -> "subprocess.Popen[str]":
    launch = (*TORCHRUN, str(processes)) if processes > 1 else ()
    command = [sys.executable, *launch, "-m", "models.train", str(recipe), "--out", str(out), *more]
    quiet = {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path.cwd())}
    return subprocess.Popen(command, env=os.environ | quiet, stderr=subprocess.PIPE, text=True)


def wait_for(path: Path, process: "subprocess.Popen[str]") -> None:
    """Returns when `path` has content; fails if the process ends before."""
    while not path.exists() or not path.stat().st_size:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)


def assert_same_state(left: Any, right: Any, where: str = "state") -> None:
    """Equal bit for bit, through nested containers; the date of writing may differ."""
    if isinstance(left, torch.Tensor):
        assert torch.equal(left, right), where
    elif isinstance(left, dict):
        assert left.keys() == right.keys(), where
        for key in left.keys() - {"date"}:
            assert_same_state(left[key], right[key], f"{where}.{key}")
    elif isinstance(left, list | tuple):
        assert len(left) == len(right), where
        for i, (a, b) in enumerate(zip(left, right, strict=True)):
            assert_same_state(a, b, f"{where}[{i}]")
    else:
        assert left == right, where
