"""Roots of Debian with Python, made by debootstrap from the mirror that this machine's apt uses."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.running_line import REPOSITORY

SUITE = "trixie"
FOLDER = REPOSITORY / "out/debian"  # kept, since it takes a minute to make one
_TARGETS = ("apt-get", "indextargets", "--format", "$(ORIGIN) $(COMPONENT) $(REPO_URI)",
            "Created-By: Packages")  # fmt: skip
# What the images of Python have, too.
_INCLUDED = ("ca-certificates", "python3", "python3-venv")
_OF_ONE_PROCESSOR = "etc/ld.so.cache"


def find_mirror() -> str:
    """The address of the first of apt's sources that has Debian's main packages."""
    for line in subprocess.check_output(_TARGETS, text=True).splitlines():
        if line.startswith("Debian main "):
            return line.rpartition(" ")[2]
    raise AssertionError("apt has no source of Debian's packages")


def make_root(architecture: str) -> Path:
    """The smallest root that has Python."""
    root, done = _find(architecture)
    if not done.exists():
        _debootstrap(root, architecture, _INCLUDED)
        _finish(root, done)
    return root


def make_foreign_root(architecture: str, own: str) -> Path:
    """The same for a processor that is not this machine's, and no program of it runs.

    Packages are unpacked. What their scripts would have written to /etc is the same on all
    processors: it is taken from the root of this machine's.
    """
    configured = make_root(own)
    root, done = _find(architecture)
    if not done.exists():
        unpack(root, architecture, _INCLUDED)
        subprocess.run(["cp", "--archive", str(configured / "etc"), str(root)], check=True)
        (root / _OF_ONE_PROCESSOR).unlink()
        _finish(root, done)
    return root


def unpack(root: Path, architecture: str, included: Sequence[str]) -> None:
    """Debian's smallest set of packages, and some more, unpacked and not configured."""
    _debootstrap(root, architecture, included, "--foreign")
    for package in sorted((root / "var/cache/apt/archives").glob("*.deb")):
        subprocess.run(["dpkg-deb", "--extract", str(package), str(root)], check=True)
    shutil.rmtree(root / "debootstrap")


def _find(architecture: str) -> tuple[Path, Path]:
    """Where a root is, and what exists once it is whole."""
    root = FOLDER / f"{SUITE}-python-{architecture}"
    return root, root.with_suffix(".whole")


def _debootstrap(root: Path, architecture: str, included: Sequence[str], *options: str) -> None:
    shutil.rmtree(root, ignore_errors=True)
    root.parent.mkdir(parents=True, exist_ok=True)
    command = ["debootstrap", *options, "--variant=minbase", f"--arch={architecture}",
               f"--include={','.join(included)}", SUITE, str(root), find_mirror()]  # fmt: skip
    log = root.with_suffix(".log")
    with log.open("w") as out:
        code = subprocess.call(command, stdout=out, stderr=out)
    assert code == 0, log.read_text()


def _finish(root: Path, done: Path) -> None:
    for archive in (root / "var/cache/apt/archives").glob("*.deb"):
        archive.unlink()
    done.touch()
