import mmap
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.physical_pages import Pages, find_pages

COUNT = 2048  # pages, 8 MiB: what else a process does is less
SHM = Path("/dev/shm")
HOLD = f"""
import mmap, sys
memory = mmap.mmap(-1, {COUNT} * mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for page in range({COUNT} if sys.argv[1:] else 0):
    memory[page * mmap.PAGESIZE] = 1
print("ready", flush=True)
sys.stdin.read()
"""


def hold(*arguments: str) -> subprocess.Popen[str]:
    """A Python that holds memory, touched if there is an argument."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def pages_of(*pids: int) -> Pages:
    pages = find_pages(pids, less=SHM)
    if pages is None:
        pytest.skip("physical pages are for root to know")
    return pages


def test_memory_that_is_touched_is_counted() -> None:
    with hold() as without, hold("touched") as with_memory:
        more = len(pages_of(with_memory.pid).anonymous) - len(pages_of(without.pid).anonymous)
        assert abs(more - COUNT) < COUNT // 4


def test_pages_of_libraries_are_counted_once_for_all_processes() -> None:
    with hold() as one, hold() as other:
        both = len(pages_of(one.pid, other.pid).files)
        single = len(pages_of(one.pid).files)
        assert single <= both < 1.5 * single
        assert pages_of(one.pid, one.pid).nbytes == pages_of(one.pid).nbytes


def test_files_of_the_folder_are_left_out(short_dir: Path) -> None:
    path = short_dir / "memory"
    path.write_bytes(b"1" * COUNT * mmap.PAGESIZE)
    fd = os.open(path, os.O_RDWR)
    with mmap.mmap(fd, 0) as memory:
        assert sum(memory[:: mmap.PAGESIZE]) == ord("1") * COUNT
        whole = find_pages([os.getpid()], less=Path("/nowhere"))
        less = find_pages([os.getpid()], less=short_dir)
    os.close(fd)
    if whole is None or less is None:
        pytest.skip("physical pages are for root to know")
    assert len(whole.files) - len(less.files) >= COUNT
