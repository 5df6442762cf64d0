"""Kernels in C for what torch does in many passes over memory, compiled at their first use.

They serve float32 on the CPU. Without a C compiler training takes torch's operators: slower, and
equal up to rounding.
"""

import ctypes
import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

FOLDER = Path(__file__).parent
SOURCES, HEADERS = sorted(FOLDER.glob("*.c")), sorted(FOLDER.glob("*.h"))
# Reordered sums are what lets a compiler use vector registers for them. Not all of -ffast-math: it
# would let the whole process take denormal numbers for zero from the moment the library is loaded.
FLAGS = (
    "-O3",
    "-march=native",
    "-fassociative-math",
    "-fno-signed-zeros",
    "-fno-trapping-math",
    "-fno-math-errno",
    "-freciprocal-math",
    "-fopenmp",
    "-shared",
    "-fPIC",
)
COMPILE_SECONDS = 120.0


class Library:
    """The compiled kernels, or the reason why there are none."""

    def __init__(self) -> None:
        self.enabled = True
        self.matrix_unit = False  # whether 1x1 convolutions may use it; see pointwise.c
        self.loaded: ctypes.CDLL | None = None
        self.reason = ""  # why nothing is loaded; empty before the first use

    def load(self) -> ctypes.CDLL | None:
        if self.loaded is None and not self.reason:
            try:
                self.loaded = ctypes.CDLL(str(build()))
            except (OSError, subprocess.SubprocessError) as error:
                detail = getattr(error, "stderr", "") or str(error)
                self.reason = detail.strip().splitlines()[-1]
        return self.loaded

    def kernels(self) -> ctypes.CDLL:
        """The compiled kernels; only where `serves` is true."""
        loaded = self.load()
        assert loaded is not None, self.reason
        return loaded

    def serves(self, *tensors: Tensor) -> bool:
        """Whether kernels can take these tensors; never inside a graph that torch compiles."""
        if not self.enabled or torch.compiler.is_compiling() or self.load() is None:
            return False
        return all(t.device.type == "cpu" and t.dtype == torch.float32 for t in tensors)

    @contextmanager
    def disabled(self) -> Iterator[None]:
        """torch's operators only, to compare with."""
        before, self.enabled = self.enabled, False
        try:
            yield
        finally:
            self.enabled = before


def cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "thunderline"


def processor() -> str:
    """What -march=native depends on, as far as the system tells."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return "\n".join(sorted({line for line in lines if line.startswith(("flags", "Features"))}))


def build() -> Path:
    """The shared library of these sources for this processor, compiled unless it exists."""
    compiler = os.environ.get("CC", "cc")
    content = [source.read_text() for source in (*SOURCES, *HEADERS)]
    identity = "\n".join((compiler, *FLAGS, processor(), *content))
    name = f"kernels-{hashlib.sha256(identity.encode()).hexdigest()[:16]}.so"
    folder = cache_folder()
    path = folder / name
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            partial = Path(scratch) / name
            command = [compiler, *FLAGS, *map(str, SOURCES), "-o", str(partial), "-lm"]
            subprocess.run(
                command, check=True, capture_output=True, text=True, timeout=COMPILE_SECONDS
            )
            partial.replace(path)
    return path


def pointer(tensor: Tensor) -> ctypes.c_void_p:
    return ctypes.c_void_p(tensor.data_ptr())


library = Library()
