"""Keeps the pages of freed tensors in the process, where the C library is glibc.

By default glibc returns every freed block above 32 MB to the system and maps the next one afresh:
a training step of 32 images then touches several hundred thousand new pages, each of them cleared
by the kernel first (docs/training-log.md).
"""

import ctypes
import ctypes.util
import platform

# Numbers of <malloc.h>.
M_TRIM_THRESHOLD = -1
M_TOP_PAD = -2
M_MMAP_THRESHOLD = -3

# mallopt takes an int. No block of a training step is larger, so none is mapped on its own.
LARGEST = 2**31 - 1
TOP_PAD = 256 * 2**20  # bytes by which the heap grows beyond what is asked for


def keep_freed_memory() -> str | None:
    """Tells the allocator to reuse memory instead of returning it; the reason where it cannot."""
    library, _ = platform.libc_ver()
    if library != "glibc":
        return f"the C library is {library or 'unknown'}, not glibc"
    mallopt = ctypes.CDLL(None).mallopt
    settings = {
        "M_MMAP_THRESHOLD": (M_MMAP_THRESHOLD, LARGEST),
        "M_TRIM_THRESHOLD": (M_TRIM_THRESHOLD, LARGEST),
        "M_TOP_PAD": (M_TOP_PAD, TOP_PAD),
    }
    refused = [name for name, (number, value) in settings.items() if not mallopt(number, value)]
    return f"mallopt refused {', '.join(refused)}" if refused else None
