"""Pages of physical memory that processes use together, whatever else runs on the machine.

A proportional set size (Pss) counts a page of a library by share of all processes that have it
mapped, those of other programs too. So on a machine with many of the same programs it is smaller
than on a board. Which page of memory a mapping shows stands in proc_pid_pagemap(5), for root.
"""

import mmap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_PRESENT, _OF_FILE = np.uint64(1 << 63), np.uint64(1 << 61)
_NUMBER = np.uint64((1 << 55) - 1)
_NO_PAGES = np.empty(0, np.uint64)


class Pages(NamedTuple):
    """Numbers of physical pages."""

    anonymous: NDArray[np.uint64]
    files: NDArray[np.uint64]

    @property
    def nbytes(self) -> int:
        return (len(self.anonymous) + len(self.files)) * mmap.PAGESIZE


def find_pages(pids: Iterable[int], less: Path) -> Pages | None:
    """Those of all processes, each once, without those of files in the folder `less`.

    None where this user may not know them.
    """
    found = [entries for pid in pids for entries in _read_entries(pid, less)]
    entries = np.concatenate(found) if found else _NO_PAGES
    entries = entries[(entries & _PRESENT) != 0]
    numbers, of_file = entries & _NUMBER, (entries & _OF_FILE) != 0
    if not numbers.any():
        return None
    return Pages(np.unique(numbers[~of_file]), np.unique(numbers[of_file]))


def _read_entries(pid: int, less: Path) -> Iterator[NDArray[np.uint64]]:
    """Entries of the page table, mapping by mapping."""
    with open(f"/proc/{pid}/pagemap", "rb", buffering=0) as pagemap:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, _, _, _, _, *path = line.split(maxsplit=5)
            if path and (path[0] == "[vsyscall]" or Path(path[0]).is_relative_to(less)):
                continue
            start, end = (int(address, 16) // mmap.PAGESIZE for address in span.split("-"))
            pagemap.seek(start * 8)
            yield np.frombuffer(pagemap.read((end - start) * 8), np.uint64)
