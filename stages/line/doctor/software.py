"""The packages that a line runs on, and the versions that were tested."""

import platform
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

from stages.line.doctor.finding import Finding, Level

_TESTED = Path(__file__).parents[3] / "constraints.txt"
_PACKAGES = (
    "av", "msgspec", "numpy", "onnxruntime", "opencv-python-headless", "pyyaml", "pyzmq",
)  # fmt: skip


def look_at_software(tested: Path = _TESTED) -> Iterator[Finding]:
    """The Python, and each package of the runtime."""
    yield Finding("Python", f"{platform.python_version()}, {platform.machine()}")
    pins = read_pins(tested)
    others = []
    for name in _PACKAGES:
        version = _version(name)
        if version is None:
            advice = "install it with pip, with --constraint constraints.txt"
            yield Finding("packages", f"{name} is missing", Level.PROBLEM, advice)
        elif version not in (known := pins.get(name, {version})):
            others.append(f"{name} {version} ({' or '.join(sorted(known))})")
    if others:
        yield Finding("packages", ", ".join(others), Level.NOTE,
                      "tested were those in brackets (constraints.txt)")  # fmt: skip
    else:
        yield Finding("packages", "as tested")


def read_pins(constraints: Path) -> Mapping[str, set[str]]:
    """Names and the versions that they were tested in; with another Python it may be another."""
    try:
        text = constraints.read_text()
    except OSError:
        return {}
    pins = defaultdict[str, set[str]](set)
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", text, re.M):
        pins[re.sub(r"[-_.]+", "-", name).lower()].add(version)
    return pins


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
