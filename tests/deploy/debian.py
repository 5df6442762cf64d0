"""Roots of Debian, made by debootstrap from the mirror that this machine's apt uses."""

import shutil
import subprocess
from pathlib import Path

from tests.running_line import REPOSITORY

SUITE = "trixie"
FOLDER = REPOSITORY / "out/debian"  # kept, since it takes a minute to make one
_TARGETS = ("apt-get", "indextargets", "--format", "$(ORIGIN) $(COMPONENT) $(REPO_URI)",
            "Created-By: Packages")  # fmt: skip


def find_mirror() -> str:
    """The address of the first of apt's sources that has Debian's main packages."""
    for line in subprocess.check_output(_TARGETS, text=True).splitlines():
        if line.startswith("Debian main "):
            return line.rpartition(" ")[2]
    raise AssertionError("apt has no source of Debian's packages")


def make_root(architecture: str) -> Path:
    """The smallest root there is."""
    root = FOLDER / f"{SUITE}-{architecture}"
    done = root.with_suffix(".whole")
    if not done.exists():
        shutil.rmtree(root, ignore_errors=True)
        FOLDER.mkdir(parents=True, exist_ok=True)
        command = ["debootstrap", "--variant=minbase", f"--arch={architecture}", SUITE]
        log = root.with_suffix(".log")
        with log.open("w") as out:
            code = subprocess.call([*command, str(root), find_mirror()], stdout=out, stderr=out)
        assert code == 0, log.read_text()
        for archive in (root / "var/cache/apt/archives").glob("*.deb"):
            archive.unlink()
        done.touch()
    return root
