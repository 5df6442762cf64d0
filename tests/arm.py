"""Tests on emulated 64-bit ARM: the Python of Raspberry Pi OS, and the wheels for aarch64.

    python -m tests.arm                           what depends on the processor, minutes
    python -m tests.arm --cpu cortex-a76          another processor
    python -m tests.arm tests/pipeline/memory     other tests
    python -m tests.arm --line                    the shipped models on a drawn street, more minutes

It needs Debian's packages debootstrap and qemu-user-static, and the rights of root once, for
debootstrap. Everything lies below out/arm. An emulator says nothing of speed.

Debian's packages are unpacked and not configured, and no ARM program is started by another: neither
needs a kernel that knows how to start ARM programs (binfmt_misc), which containers rarely have. A
shell script that calls the emulator stands for Python, also for those that start a Python.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from packaging.requirements import Requirement

from tests.newest import CONSTRAINTS
from tests.running_line import REPOSITORY

FOLDER = REPOSITORY / "out/arm"
PYTHON = "3.13"
SUITE, MIRROR, GLIBC = "trixie", "http://deb.debian.org/debian", (2, 36)
TESTS = (
    "tests/stages/kernels/test_exactness.py",
    "tests/stages/kernels/test_soft_nms.py",
    "tests/pipeline/memory/test_ring.py",
    "tests/pipeline/memory/test_packet_ring.py",
    "tests/stages/model/test_detector.py",
)
_NEEDED = (
    "av", "attrs", "flatbuffers", "hypothesis", "iniconfig", "jsonschema",
    "jsonschema-specifications", "loguru", "ml-dtypes", "msgspec", "numpy", "onnx", "onnxruntime",
    "opencv-python-headless", "packaging", "pluggy", "protobuf", "pygments", "pytest", "pyyaml",
    "pyzmq", "referencing", "rpds-py", "sortedcontainers", "typing-extensions",
)  # fmt: skip
_LINE = """
import sys
sys.executable, sys.argv = sys.argv[1], ["run_pipeline.py", *sys.argv[2:]]
import run_pipeline
sys.exit(run_pipeline.main())
"""
_PYTEST = """
import sys
sys.executable, sys.argv = sys.argv[1], ["pytest", *sys.argv[2:]]
import pytest
sys.exit(pytest.main())
"""


def find_pins() -> list[str]:
    """The tested versions of what the tests need, for that Python."""
    environment = {"python_version": PYTHON, "python_full_version": f"{PYTHON}.0"}
    lines = CONSTRAINTS.read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return [
        f"{pin.name}{pin.specifier}"
        for pin in pins
        if pin.name in _NEEDED and (pin.marker is None or pin.marker.evaluate(environment))
    ]


def make_root(folder: Path) -> Path:
    """Debian's Python for ARM and its libraries, unpacked."""
    root, done = folder / SUITE, folder / f"{SUITE}.whole"
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _run("debootstrap", "--foreign", "--arch=arm64", "--variant=minbase",
             "--include=python3", SUITE, str(root), MIRROR)  # fmt: skip
        for package in sorted((root / "var/cache/apt/archives").glob("*.deb")):
            _run("dpkg-deb", "-x", str(package), str(root))
        done.touch()
    return root


def install(folder: Path) -> Path:
    """The wheels for ARM, where Python looks for them."""
    site = folder / f"site-{PYTHON}"
    if not site.exists():
        platforms = [f"--platform=manylinux_2_{minor}_aarch64" for minor in range(17, GLIBC[1])]
        _run(
            sys.executable, "-m", "pip", "install", "-q", "--target", str(site), "--no-deps",
            "--only-binary=:all:", f"--python-version={PYTHON}", "--ignore-requires-python",
            "--platform=manylinux2014_aarch64", *platforms, *find_pins(),
        )  # fmt: skip
    return site


def make_python(folder: Path, root: Path, cpu: str) -> Path:
    """A program that stands for the Python of the root."""
    program = folder / f"python-{cpu}"
    program.write_text(
        f'#!/bin/sh\nexec qemu-aarch64-static -cpu {cpu} -L "{root}" '
        f'"{root}/usr/bin/python{PYTHON}" "$@"\n'
    )
    program.chmod(0o755)
    return program


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tests", nargs="*", default=TESTS, help="files or folders")
    parser.add_argument("--cpu", default="cortex-a72", help="as qemu calls it")
    parser.add_argument("--line", action="store_true", help="run the shipped models instead")
    options = parser.parse_args(arguments)
    root, site = make_root(FOLDER), install(FOLDER)
    python = make_python(FOLDER, root, options.cpu)
    env = os.environ | {"PYTHONPATH": f"{site}:{REPOSITORY}", "PYTHONDONTWRITEBYTECODE": "1"}
    if not options.line:
        command = [str(python), "-c", _PYTEST, str(python), "-q", "-p", "no:cacheprovider",
                   *options.tests]  # fmt: skip
        return subprocess.run(command, cwd=REPOSITORY, env=env, check=False).returncode
    for model in ("thundernet-snet49-street11", "thundernet-snet49-street11-int8"):
        command = [
            str(python), "-c", _LINE, str(python), "--source", "scene://street?seed=7",
            "--model", model, "--set", f"record.jsonl={FOLDER}/{model}.jsonl",
            "--set", f"publish.endpoint=ipc://{FOLDER}/pub", "--set", "limits.start_s=1800",
            "--set", "limits.frame_s=600", "--duration", "120",
        ]  # fmt: skip
        if code := subprocess.run(command, cwd=REPOSITORY, env=env, check=False).returncode:
            return code
    return 0


def _run(*command: str) -> None:
    subprocess.run(command, check=True, cwd=REPOSITORY)


if __name__ == "__main__":
    sys.exit(main())
