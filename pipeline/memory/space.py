"""Whether there is room in the file system of the shared memory."""

import math
import os
from pathlib import Path

from pipeline.errors import LineError

_HEADROOM = 1 << 20  # left to the rest of the machine: sockets, ledger, other programs


class ShmSpaceError(LineError):
    """The shared memory file system cannot hold the ring."""


def check_space(directory: Path, wanted: int) -> None:
    """Refuse a ring that does not fit, with figures; a full /dev/shm would be a bus error later."""
    stat = os.statvfs(directory)
    present = stat.f_bavail * stat.f_frsize
    if present < wanted + _HEADROOM:
        grown = math.ceil((stat.f_blocks * stat.f_frsize - present + wanted + _HEADROOM) / 2**20)
        raise ShmSpaceError(
            f"shared memory at {directory}: expected {wanted + _HEADROOM} bytes free, "
            f"got {present}; grow it with: mount -o remount,size={grown}m /dev/shm "
            f"(in a container: --shm-size={grown}m), or lower ring.slots"
        )
