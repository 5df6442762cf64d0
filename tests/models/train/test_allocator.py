"""Freed tensors' pages stay in the process; measured in a process of its own."""

import platform
import subprocess
import sys

import pytest

from models.train.allocator import keep_freed_memory

pytestmark = pytest.mark.torch

# New pages that twelve tensors of 36 MB touch, one after the other. Aligned blocks do not fit into
# the hole that an equal one left, only into that of two, and where the heap begins is chance: the
# first tensors, and now and then two later ones, still need new pages.
COUNT_PAGES = """
import resource, sys, torch
from models.train.allocator import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory() is None
torch.set_num_threads(1)
for _ in range(12):
    torch.ones(9 * 2**20)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(12):
    torch.ones(9 * 2**20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def count_pages(mode: str) -> int:
    command = [sys.executable, "-c", COUNT_PAGES, mode]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_memory_is_used_again_instead_of_mapped_again() -> None:
    kept, returned = count_pages("keep"), count_pages("return")
    assert returned > 100_000
    assert kept < returned / 3


def test_another_c_library_gives_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert keep_freed_memory() == "the C library is unknown, not glibc"
