"""A recorder that is killed, in a process of its own."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.clip_kills import record


@contextmanager
def killed_recorder(folder: Path, run: Callable[[Path], None] = record) -> Iterator[None]:
    """It records until the end of the block; then it is killed."""
    process = multiprocessing.get_context("fork").Process(target=run, args=(folder,))
    process.start()
    assert process.pid is not None
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.join()
