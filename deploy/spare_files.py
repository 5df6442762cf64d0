"""Removes from an environment what no line loads: a quarter of what its packages unpack to.

    sudo python3 deploy/spare_files.py /opt/thunderline     an environment, or its site-packages

It needs `readelf` and `strip` of Debian's package binutils (for the files of another processor,
`--prefix aarch64-linux-gnu-` of binutils-aarch64-linux-gnu) and nothing else: any Python runs it.
Lines, pages and recordings need none of these files; training, adopting and quantizing models do.
Done again it finds nothing to do.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

EXIT_OK, EXIT_REFUSED = 0, 2


class Spare(NamedTuple):
    """Files or folders that no line opens, and why."""

    why: str
    patterns: tuple[str, ...]


SPARE = (
    Spare("ONNX Runtime once more, for programs in C", ("onnxruntime/capi/libonnxruntime.so*",)),
    Spare("tools that make and convert models",
          ("onnxruntime/quantization", "onnxruntime/tools", "onnxruntime/transformers")),
    Spare("what only these tools import", ("flatbuffers", "google/_upb", "google/protobuf")),
    Spare("tests of packages", ("numpy/**/tests", "zmq/tests")),
    Spare("what compilers and type checkers read",
          ("numpy/_core/include", "numpy/f2py", "numpy/**/*.a",
           "**/*.pyi", "**/*.pxd", "**/*.pyx")),
)  # fmt: skip
# The one FFmpeg that both packages have, by the start of its files' names.
FFMPEG = ("libavcodec", "libavformat", "libavutil", "libswresample", "libswscale")
_LIBRARY = re.compile(r"(lib\w+)-[0-9a-f]+\.so\.(\d+)\.(\d+)\.(\d+)")  # as auditwheel names it
_NEEDED = re.compile(r"\(NEEDED\).*\[(.+)\]")

# A line of a segment: offset, virtual address, ..., alignment.
_LOAD = re.compile(r"^ +LOAD +(0x\w+) (0x\w+) .* (0x\w+)$", re.M)


class Refused(Exception):
    """The environment is left as it is."""


class Binutils(NamedTuple):
    """The programs that know the files of a processor."""

    prefix: str

    def strip(self, library: Path) -> None:
        """Take away symbols that only debuggers read.

        Wheels are made with patchelf, whose files some versions of strip write such that no loader
        takes them (binutils 2.40 does, 2.44 does not): these stay as they are.
        """
        # Not in place: a file with a second name elsewhere stays as it is there.
        stripped = library.with_name(f"{library.name}.stripped")
        self._call("strip", "--strip-unneeded", "-o", str(stripped), str(library))
        if self._is_loadable(stripped):
            shutil.copymode(library, stripped)
            stripped.replace(library)
        else:
            stripped.unlink()

    def needed(self, library: Path) -> list[str]:
        """Names of the libraries that one is linked with."""
        return _NEEDED.findall(self._call("readelf", "--dynamic", "--wide", str(library)))

    def has_symbols(self, library: Path) -> bool:
        sections = self._call("readelf", "--section-headers", "--wide", str(library))
        return " .symtab " in sections or " .debug_info " in sections

    def _is_loadable(self, library: Path) -> bool:
        """Whether each segment lies in the file as it will in the pages of memory (elf(5))."""
        segments = _LOAD.findall(self._call("readelf", "--program-headers", "--wide", str(library)))
        numbers = [tuple(int(text, 16) for text in segment) for segment in segments]
        return all((offset - address) % align == 0 for offset, address, align in numbers)

    def _call(self, name: str, *arguments: str) -> str:
        command = [f"{self.prefix}{name}", *arguments]
        try:
            ended = subprocess.run(
                command, env=os.environ | {"LC_ALL": "C"}, capture_output=True, text=True
            )
        except FileNotFoundError:
            raise Refused(f"no program {command[0]}: install Debian's package binutils") from None
        if ended.returncode != 0:
            raise Refused(f"{' '.join(command)}: {ended.stderr.strip()}")
        return ended.stdout


def find_site(folder: Path) -> Path:
    """The packages of an environment, or the folder itself where it holds them. Raises Refused."""
    sites = [folder, *sorted(folder.glob("lib/python3*/site-packages"))]
    found = [site for site in sites if (site / "onnxruntime").is_dir() and (site / "av").is_dir()]
    if len(found) != 1:
        raise Refused(f"{folder}: expected an environment with ThunderLine, or its site-packages")
    return found[0]


def remove(site: Path, spare: Spare) -> None:
    for pattern in spare.patterns:
        for path in list(site.glob(pattern)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.exists():  # not with a folder that has gone
                path.unlink()


def strip(site: Path, binutils: Binutils) -> None:
    """Symbols of all compiled modules and their libraries."""
    for library in find_libraries(site):
        if binutils.has_symbols(library):
            binutils.strip(library)


def share_ffmpeg(site: Path, binutils: Binutils) -> str | None:
    """Let OpenCV use the FFmpeg of PyAV, and remove its own; why not, where it cannot be.

    FFmpeg's libraries of one major version take each other's callers, newer ones those of older
    ones (their own rule, doc/APIchanges). What OpenCV's alone needed is removed with them. The
    loader looks for what a library needs beside the name by which it was found, so all have names
    there; it knows a file by its inode, and loads each once.
    """
    (folder,) = site.glob("opencv_python*.libs")
    theirs = {name: find_library(site / "av.libs", name) for name in FFMPEG}
    ours = {name: find_library(folder, name) for name in FFMPEG}
    for name in FFMPEG:
        old, new = version(ours[name]), version(theirs[name])
        if not (old[0] == new[0] and old <= new):
            return f"{ours[name].name} of OpenCV, {theirs[name].name} of PyAV"
    for name in FFMPEG:
        for path in list(folder.glob(f"{name}-*")):
            link(path, theirs[name])
    for library in closure(theirs.values(), site / "av.libs", binutils):
        link(folder / library.name, library)
    used = closure(site.glob("cv2/*.so"), folder, binutils)
    for library in find_libraries(folder):
        if library not in used:
            library.unlink()
    return None


def closure(roots: Iterable[Path], folder: Path, binutils: Binutils) -> set[Path]:
    """The libraries of a folder that the roots need, and those that these need."""
    found = set[Path]()
    to_do = list(roots)
    while to_do:
        for name in binutils.needed(to_do.pop()):
            library = folder / name
            if library.exists() and library not in found:
                found.add(library)
                to_do.append(library)
    return found


def find_library(folder: Path, name: str) -> Path:
    found = [path for path in folder.glob(f"{name}-*.so.*") if _LIBRARY.fullmatch(path.name)]
    if not found:
        raise Refused(f"{folder}: expected {name}, found none")
    return found[0]


def version(library: Path) -> tuple[int, ...]:
    match = _LIBRARY.fullmatch(library.name)
    assert match is not None  # find_library found it by this
    return tuple(map(int, match.groups()[1:]))


def link(path: Path, target: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(os.path.relpath(target, path.parent))


def find_libraries(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*.so*")):
        if path.is_file() and not path.is_symlink():
            yield path


def size(folder: Path) -> int:
    """Bytes of all files."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="of an environment, or its site-packages")
    parser.add_argument("--prefix", default="", help="of the names of strip and readelf")
    options = parser.parse_args()
    binutils = Binutils(options.prefix)
    try:
        report(find_site(options.folder), binutils)
    except Refused as refused:
        print(f"error: {refused}", file=sys.stderr)
        return EXIT_REFUSED
    return EXIT_OK


def report(site: Path, binutils: Binutils) -> None:
    """Do all of it, and say what each part was worth."""
    before = left = size(site)

    def say(what: str) -> None:
        nonlocal left
        now = size(site)
        print(f"{(left - now) / 1e6:6.1f} MB  {what}")
        left = now

    for spare in SPARE:
        remove(site, spare)
        say(spare.why)
    why_not = share_ffmpeg(site, binutils)
    say("OpenCV's own FFmpeg" + (f": kept, as versions differ: {why_not}" if why_not else ""))
    strip(site, binutils)
    say("symbols for debuggers")
    print(f"{site}: {left / 1e6:.0f} MB, was {before / 1e6:.0f}")


if __name__ == "__main__":
    sys.exit(main())
