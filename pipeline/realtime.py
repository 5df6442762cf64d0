"""What a process with a frame budget asks of the kernel, and the clock of all processes."""

import ctypes
import gc
import os
import signal
import time

from pipeline.errors import LineError

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_MADV_DONTNEED = 4  # asm-generic/mman-common.h
_BACKGROUND_NICENESS = 10
# One for all forks: each one that is made writes to a hundred pages that they have in common.
_LIBC = ctypes.CDLL(None, use_errno=True)

monotonic_ns = time.monotonic_ns  # CLOCK_MONOTONIC: one clock for all processes of a machine


def available_cores() -> tuple[int, ...]:
    """The CPU indices that this process may run on."""
    return tuple(sorted(os.sched_getaffinity(0)))


def pin_to_core(core: int) -> None:
    """Run the whole process on one core from now on, threads that start later included."""
    try:
        os.sched_setaffinity(0, {core})
    except OSError as error:
        raise LineError(
            f"cannot pin to core {core}: {error.strerror}; "
            f"available cores are {', '.join(map(str, available_cores()))}"
        ) from None


def lower_priority() -> None:
    """Leave the core to other processes whenever they want it."""
    os.nice(_BACKGROUND_NICENESS)


def name_process(name: str) -> None:
    """Show `name` in top and ps; the kernel keeps its first 15 bytes."""
    _prctl(_PR_SET_NAME, ctypes.c_char_p(name.encode()))


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel kill this process as soon as its parent is gone, for whatever reason."""
    _prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
    if os.getppid() != parent_pid:  # the parent died before the call above
        os.kill(os.getpid(), signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of every descendant process that loses its own parent."""
    _prctl(_PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1))


def count_threads() -> int:
    """Number of threads of this process, those of libraries included."""
    return len(os.listdir("/proc/self/task"))


def freeze_gc() -> None:
    """Stop the cyclic garbage collector: a collection takes longer than a frame has time for."""
    gc.collect()
    gc.disable()
    gc.freeze()


def give_back_memory() -> None:
    """Return to the kernel what was needed once, to set something up (malloc_trim(3))."""
    _LIBC.malloc_trim(0)


def forget_pages(start: int, length: int) -> None:
    """Unmap the pages of an address range; those of a file are mapped again where they are used.

    What was written to them is lost (MADV_DONTNEED of madvise(2)).
    """
    _LIBC.madvise(ctypes.c_void_p(start), ctypes.c_size_t(length), _MADV_DONTNEED)


def _prctl(option: int, argument: ctypes.c_char_p | ctypes.c_ulong) -> None:
    if _LIBC.prctl(option, argument, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}) failed")
