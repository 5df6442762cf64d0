"""In processes of their own: what is given back is that of the whole process."""

import mmap
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.processes import mapped_files
from pipeline.processes.mapped_files import give_back_files

_START = """
import ctypes, mmap, os, re
from pathlib import Path
from pipeline.processes.mapped_files import give_back_files

def mapped_kb():
    return int(re.search(r"RssFile:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


def run_python(code: str, *arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _START + code, *map(str, arguments)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def test_libraries_are_mapped_less_and_work_as_before() -> None:
    code = """
import cv2, numpy as np
image = np.arange(64, dtype=np.uint8).reshape(8, 8)
small = cv2.resize(image, (4, 4))
before = mapped_kb()
give_back_files()
after = mapped_kb()
assert (cv2.resize(image, (4, 4)) == small).all()
assert np.linalg.det(np.eye(3)) == 1
import decimal, json, sqlite3
try:
    cv2.resize(image, (0, 0))
except cv2.error:
    print(before, after)
"""
    before, after = map(int, run_python(code).split())
    assert after < before / 2


_MAPPING = """
import sys
fd = os.open(sys.argv[1], os.O_RDONLY)
length = 16 * mmap.PAGESIZE
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
READ, WRITE, PRIVATE = 1, 2, 2
start = libc.mmap(None, ctypes.c_size_t(length), READ | WRITE, PRIVATE, fd, ctypes.c_long(0))
memory = (ctypes.c_char * length).from_address(start)
"""
_MAKE_READ_ONLY = """
assert libc.mprotect(ctypes.c_void_p(start), ctypes.c_size_t(length), READ) == 0
assert bytes(memory[:4]) == b"file" and mapped_kb() > 0
give_back_files()
pages = mmap.PAGESIZE
with open("/proc/self/pagemap", "rb", buffering=0) as pagemap:
    pagemap.seek(start // pages * 8)
    there = pagemap.read(8)[7] >> 7
print(there, bytes(memory[:4]).decode(), bytes(memory[pages : pages + 4]).decode())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "library"
    path.write_bytes(b"file".ljust(mmap.PAGESIZE) * 16)
    return path


def test_what_was_written_before_a_mapping_became_read_only_stays(path: Path) -> None:
    relocated = 'memory[mmap.PAGESIZE : mmap.PAGESIZE + 4] = b"mine"\n'
    assert run_python(_MAPPING + relocated + _MAKE_READ_ONLY, path) == "1 file mine"


def test_a_mapping_that_is_as_the_file_is_given_back(path: Path) -> None:
    assert run_python(_MAPPING + _MAKE_READ_ONLY, path) == "0 file file"


def test_nothing_is_given_back_where_the_kernel_does_not_tell_what_is_of_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(path: str, *arguments: object, **options: object) -> None:
        raise PermissionError(path)

    forgotten = list[int]()
    monkeypatch.setattr(mapped_files, "open", refuse, raising=False)
    monkeypatch.setattr(mapped_files, "forget_pages", lambda start, _: forgotten.append(start))
    give_back_files()
    assert forgotten == []
