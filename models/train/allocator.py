"""Keeps the pages of freed tensors in the process, and has them large; needs glibc.

By default glibc returns every freed block above 32 MB to the system and maps the next one afresh:
a training step of 32 images then touches several hundred thousand new pages, each of them cleared
by the kernel first. Pages of 4 KB also make the processor look up addresses all the time: a step
walks through a gigabyte (docs/training-log.md).
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

MADV_HUGEPAGE = 14  # of madvise(2)
HUGE_PAGE = 2 * 2**20  # bytes
# Bytes of the heap that large pages are asked for; a step of 32 images at 320 pixels takes 1.1 GB.
# Free and with the pad it stays below the threshold from which on the heap is trimmed.
LARGE_PART = 1536 * 2**20


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
    if refused:
        return f"mallopt refused {', '.join(refused)}"
    ask_for_large_pages()
    return None


def ask_for_large_pages() -> None:
    """Has the system back the next part of the heap by large pages, if it can; touches none."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    start = libc.malloc(ctypes.c_size_t(LARGE_PART))
    if start is None:  # a limit on memory: pages stay small
        return
    first = -(-start // HUGE_PAGE) * HUGE_PAGE
    length = (start + LARGE_PART - first) // HUGE_PAGE * HUGE_PAGE
    libc.madvise(ctypes.c_void_p(first), ctypes.c_size_t(length), MADV_HUGEPAGE)
    libc.free(ctypes.c_void_p(start))  # stays in the heap, which is not trimmed
