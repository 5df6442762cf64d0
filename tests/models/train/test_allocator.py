"""Freed tensors' pages stay in the process and are large; measured in processes of their own."""

import platform
import subprocess
import sys
from pathlib import Path

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

# What the system knows of the mapping that most of a tensor lies in: "hg" asks for large pages.
FLAGS_OF_A_TENSOR = """
import sys, torch
from models.train.allocator import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory() is None
tensor = torch.empty(128 * 2**20)  # 512 MB: no hole that is older can hold it
middle = tensor.data_ptr() + tensor.nbytes // 2
for line in open("/proc/self/smaps"):
    first = line.split(maxsplit=1)[0]
    if not first.endswith(":"):
        start, end = (int(address, 16) for address in first.split("-"))
    elif first == "VmFlags:" and start <= middle < end:
        print(line)
"""


def run_script(script: str, mode: str) -> str:
    command = [sys.executable, "-c", script, mode]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def count_pages(mode: str) -> int:
    return int(run_script(COUNT_PAGES, mode))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_memory_is_used_again_instead_of_mapped_again() -> None:
    kept, returned = count_pages("keep"), count_pages("return")
    assert returned > 100_000
    assert kept < returned / 3


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
@pytest.mark.skipif(
    not Path("/sys/kernel/mm/transparent_hugepage").exists(), reason="a kernel without large pages"
)
def test_tensors_lie_where_the_system_was_asked_for_large_pages() -> None:
    assert "hg" in run_script(FLAGS_OF_A_TENSOR, "keep").split()
    assert "hg" not in run_script(FLAGS_OF_A_TENSOR, "return").split()


def test_another_c_library_gives_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert keep_freed_memory() == "the C library is unknown, not glibc"
