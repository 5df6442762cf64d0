"""What a process holds of the memory of the machine."""

import mmap
from pathlib import Path


def resident_kib() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * mmap.PAGESIZE // 1024
