"""A USB camera without a camera: programs that are started with it loaded see one.

It stands for the kernel: `fake_camera.c` answers the calls of V4L2 that OpenCV and the line make.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.running_line import REPOSITORY

SIZES = ((640, 480), (1280, 720), (1920, 1080))
_SOURCE = Path(__file__).with_suffix(".c")


def find_compiler() -> str:
    compiler = shutil.which("cc")
    if compiler is None or not Path("/usr/include/linux/videodev2.h").exists():
        pytest.skip("needs a C compiler and the headers of Linux")
    return compiler


class FakeCamera:
    """The environment in which a program sees the camera at `device`."""

    def __init__(self, folder: Path, device: str) -> None:
        library = folder / "fake_camera.so"
        command = [find_compiler(), "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC"]
        subprocess.run([*command, "-o", str(library), str(_SOURCE), "-ldl"], check=True)
        for index, (width, height) in enumerate(SIZES):
            path = folder / f"{width}x{height}.jpg"
            noise = np.random.default_rng(index).integers(0, 90, (height, width, 3), np.uint8)
            assert cv2.imwrite(str(path), noise)
        self._log = folder / "asked"
        self.device = device
        self.environment = {
            "LD_PRELOAD": str(library),
            "FAKE_CAMERA": device,
            "FAKE_CAMERA_LOG": str(self._log),
            "FAKE_CAMERA_JPEGS": str(folder),
        }

    def run(self, module: str, *arguments: str, **settings: str) -> str:
        """What a module prints that is run with the camera; settings are those of the source."""
        named = {f"FAKE_CAMERA_{name.upper()}": value for name, value in settings.items()}
        done = subprocess.run(
            [sys.executable, "-W", "error", *module.split(), *arguments],
            env=os.environ | self.environment | named, cwd=REPOSITORY, check=False,
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def asked(self) -> list[str]:
        """What it was asked for, in order: formats with sizes, rates, waits in seconds."""
        return self._log.read_text().splitlines() if self._log.exists() else []
