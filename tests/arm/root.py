"""A 64-bit ARM system to run Python in: Debian's, unpacked, and the wheels for aarch64.

Debian's packages are unpacked and not configured, and no ARM program is started by another: neither
needs a kernel that knows how to start ARM programs (binfmt_misc), which containers rarely have. A
shell script that calls the emulator stands for Python, also for those that start a Python.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from packaging.requirements import Requirement

from pipeline.realtime import adopt_orphans
from tests.deploy.debian import SUITE, unpack
from tests.newest import CONSTRAINTS
from tests.running_line import REPOSITORY

PYTHON = "3.13"
GLIBC = (2, 36)
_NEEDED = (
    "av", "attrs", "flatbuffers", "hypothesis", "iniconfig", "jsonschema",
    "jsonschema-specifications", "ml-dtypes", "msgspec", "numpy", "onnx", "onnxruntime",
    "opencv-python-headless", "packaging", "pluggy", "protobuf", "pygments", "pytest", "pyyaml",
    "pyzmq", "referencing", "rpds-py", "sortedcontainers", "typing-extensions",
)  # fmt: skip
# Numbers of ARM's processors, by the names that qemu has for them.
_PARTS = {"cortex-a53": 0xD03, "cortex-a72": 0xD08, "cortex-a76": 0xD0B, "neoverse-n1": 0xD0C}
_CORE = (
    "processor\t: {core}\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd evtstrm crc32 cpuid\n"
    "CPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x0\n"
    "CPU part\t: {part:#x}\nCPU revision\t: 3\n\n"
)
# Programs ask `sys.executable` to start others: that must be the script, not what it emulates.
_RUN = """
import runpy, sys
sys.executable, sys.argv = sys.argv[1], sys.argv[2:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


class ArmPython:
    """A Python of the root, on one processor.

    Args:
        folder: where all of it is made, once.
        cpu: the processor, as qemu calls it.
    """

    def __init__(self, folder: Path, cpu: str) -> None:
        root, self._site = make_root(folder), install(folder)
        make_board(root, cpu, os.cpu_count() or 1)
        self._program, self._cache = make_python(folder, root, cpu), folder / "cache"

    def run(self, module: str, arguments: Sequence[str], **variables: str) -> int:
        """The exit code of `python -m module`, run in the repository."""
        env = os.environ | self._variables() | variables
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [str(self._program), "-c", _RUN, str(self._program), module, *arguments]
        # What an emulated line may not ask for: see tests/arm/line.py.
        done = subprocess.run(
            command, cwd=REPOSITORY, env=env, check=False, preexec_fn=adopt_orphans
        )
        return done.returncode

    def _variables(self) -> Mapping[str, str]:
        path = f"{self._site}:{REPOSITORY}"
        # To compile a module takes an emulated processor longer than the module itself does.
        return {"PYTHONPATH": path, "PYTHONPYCACHEPREFIX": str(self._cache)}


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
        unpack(root, "arm64", ("python3",))
        done.touch()
    return root


def install(folder: Path) -> Path:
    """The wheels for ARM, where Python looks for them."""
    site = folder / f"site-{PYTHON}"
    if not site.exists():
        platforms = [f"--platform=manylinux_2_{minor}_aarch64" for minor in range(17, GLIBC[1])]
        unfinished = site.with_suffix(".part")
        _run(
            sys.executable, "-m", "pip", "install", "-q", "--upgrade", "--target", str(unfinished),
            "--no-deps", "--only-binary=:all:", f"--python-version={PYTHON}",
            "--ignore-requires-python", "--platform=manylinux2014_aarch64", *platforms,
            *find_pins(),
        )  # fmt: skip
        unfinished.rename(site)
    return site


def make_board(root: Path, cpu: str, cores: int) -> None:
    """What the kernel of a board tells of its processor, in place of what this machine's does.

    The emulator opens files of the root before those of the machine. ONNX Runtime looks up what
    the files say: with those of an x86 machine its import ended with a segmentation fault
    (ONNX Runtime 1.32, qemu 7.2).
    """
    everyone = f"0-{cores - 1}"
    files = {name: everyone for name in ("possible", "present", "online")}
    for core in range(cores):
        topology = f"cpu{core}/topology"
        files |= {f"{topology}/physical_package_id": "0", f"{topology}/core_id": str(core)}
        files |= {f"{topology}/{name}_list": everyone for name in ("cluster_cpus", "core_siblings")}
        files |= {f"{topology}/thread_siblings_list": str(core)}
    for name, content in files.items():
        path = root / "sys/devices/system/cpu" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n")
    told = "".join(_CORE.format(core=core, part=_PARTS.get(cpu, 0xD08)) for core in range(cores))
    (root / "proc").mkdir(exist_ok=True)
    (root / "proc/cpuinfo").write_text(told)


def make_python(folder: Path, root: Path, cpu: str) -> Path:
    """A program that stands for the Python of the root."""
    program = folder / f"python-{cpu}"
    program.write_text(
        f'#!/bin/sh\nexec qemu-aarch64-static -cpu {cpu} -L "{root}" '
        f'"{root}/usr/bin/python{PYTHON}" "$@"\n'
    )
    program.chmod(0o755)
    return program


def _run(*command: str) -> None:
    subprocess.run(command, check=True, cwd=REPOSITORY)
