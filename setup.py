"""Builds the wheel: the top-level folders of a checkout are below the package `thunderline` there.

`pipeline`, `stages` and `models` are names that programs of other people may have, so an installed
ThunderLine takes none of them. The copies that go into the wheel are moved, and where these names
are modules they are rewritten: in imports, in texts that are nothing but the name of something in a
module, and in commands that help texts show. A checkout stays as it is, also one that is installed
with `pip install --editable`.
"""

import platform
import re
import shutil
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

PACKAGE = "thunderline"
CONFIGS = (Path("configs/pipeline"), Path("configs/systemd"))
_FOLDERS = "pipeline|stages|models"
_REWRITES = (
    (re.compile(rf"^(\s*(?:from|import) )({_FOLDERS}|run_pipeline)\b", re.M), rf"\1{PACKAGE}.\2"),
    (
        re.compile(rf"([\"'])((?:{_FOLDERS})(?:\.\w+)+(?::\w+)?|run_pipeline:\w+)\1"),
        rf"\1{PACKAGE}.\2\1",
    ),
    (re.compile(r"(?:python )?run_pipeline\.py (bench|cameras|detect)\b"), rf"{PACKAGE} \1"),
    (re.compile(r"python run_pipeline\.py"), f"{PACKAGE} run"),
    (re.compile(r"python -m pipeline\.(client|health|keys)\b"), rf"{PACKAGE} \1"),
    (re.compile(rf"python -m ({_FOLDERS})\."), rf"python -m {PACKAGE}.\1."),
)


class BuildBelowPackage(build_py):
    """Copies the modules as always, and then moves and rewrites the copies."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            move_below_package(Path(self.build_lib))


class WheelOfPackage(bdist_wheel):
    """Says in the wheel's metadata, too, that it takes no other name."""

    def egg2dist(self, egginfo_path: str, distinfo_path: str) -> None:
        super().egg2dist(egginfo_path, distinfo_path)
        (Path(distinfo_path) / "top_level.txt").write_text(f"{PACKAGE}\n")


def move_below_package(built: Path) -> None:
    """Turn a folder with the modules of a checkout into one with the package alone."""
    package = built / PACKAGE
    shutil.rmtree(package, ignore_errors=True)  # of an earlier build
    content = [path for path in built.iterdir() if path.is_dir() or path.suffix == ".py"]
    package.mkdir()
    for path in content:
        name = "__init__.py" if path.stem == PACKAGE else path.name
        path.rename(package / name)
    for folder in CONFIGS:
        shutil.copytree(folder, package / folder)
    shutil.copy("constraints.txt", package)  # the tested versions, for the doctor
    for path in package.rglob("*.py"):
        path.write_text(rewrite(path.read_text("utf-8")), "utf-8")


def rewrite(code: str) -> str:
    """The code with the names of our modules as they are in the wheel."""
    for pattern, replacement in _REWRITES:
        code = pattern.sub(replacement, code)
    return code


def refuse_machines() -> None:
    """Say at once what an hour of compiling would end in: these machines have no wheels."""
    if sys.maxsize < 2**32:
        sys.exit("ThunderLine needs a 64-bit Python: ONNX Runtime, OpenCV and PyAV have no wheels "
                 "for 32 bits. On a Raspberry Pi, install the 64-bit system.")  # fmt: skip
    if platform.system() == "Linux" and platform.libc_ver()[0] != "glibc":
        sys.exit("ThunderLine needs a system with glibc, such as Debian: ONNX Runtime has no "
                 "wheels for musl (Alpine).")  # fmt: skip


if __name__ == "__main__":
    refuse_machines()
    setup(cmdclass={"build_py": BuildBelowPackage, "bdist_wheel": WheelOfPackage})
