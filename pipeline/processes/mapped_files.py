"""Pages of libraries that only setting up needed go back to the page cache.

The linker reads all symbols of a library, and a library that is imported runs much of its code once
and never again. The pages stay mapped, as if they were in use. They are those of files: one that is
needed again is mapped again, without a read from the disk as long as the kernel has it in its
cache, and where memory is short the kernel takes these first.
"""

import mmap
import re
from collections.abc import Iterator

from pipeline.realtime import forget_pages

# Mappings of files that can be read or run only, as in proc_pid_maps(5).
_UNWRITTEN = re.compile(rb"^([0-9a-f]+)-([0-9a-f]+) r-[-x]p \S+ \S+ [1-9]\d* +/", re.MULTILINE)
_LEAST_BYTES = 1 << 14  # in smaller ones there is little to give back
_ENTRY_BYTES = 8  # of a page in proc_pid_pagemap(5)
# Values of the last byte of an entry, in which bit 7 says that the page is there, 6 that it is in
# swap space, and 5 that it is a file's.
_ABSENT = bytes(value for value in range(256) if not value & 0xC0)
_OF_FILE = bytes(value for value in range(256) if value & 0x20)


def give_back_files() -> None:
    """Unmap what can be had again from files; nothing where the kernel does not tell what that is.

    Not for a process of which a thread loads libraries meanwhile: the linker writes to their pages
    before it makes them read-only.
    """
    try:
        ranges = list(_unchanged())
    except OSError:  # no right to read /proc/self/pagemap
        return
    for start, length in ranges:
        forget_pages(start, length)


def _unchanged() -> Iterator[tuple[int, int]]:
    """Start and length of mappings without a page that differs from the file's.

    Where the linker has written addresses into a page, before it made the mapping read-only, the
    page is no longer the file's: one that was forgotten would come back without them.
    """
    with open("/proc/self/maps", "rb") as file:
        maps = file.read()
    with open("/proc/self/pagemap", "rb", buffering=0) as pagemap:
        for found in _UNWRITTEN.finditer(maps):
            start, end = int(found[1], 16), int(found[2], 16)
            if end - start < _LEAST_BYTES:
                continue
            pagemap.seek(start // mmap.PAGESIZE * _ENTRY_BYTES)
            read = pagemap.read((end - start) // mmap.PAGESIZE * _ENTRY_BYTES)
            there = read[_ENTRY_BYTES - 1 :: _ENTRY_BYTES].translate(None, _ABSENT)
            if there and not there.translate(None, _OF_FILE):
                yield start, end - start
