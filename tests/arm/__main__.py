"""Tests on emulated 64-bit ARM: the Python of Raspberry Pi OS, and the wheels for aarch64.

    python -m tests.arm                           what depends on the processor
    python -m tests.arm --cpu cortex-a76          another processor, as qemu calls it
    python -m tests.arm --part kernels            one part of it; repeatable
    python -m tests.arm tests/pipeline/loops      other tests
    python -m tests.arm --model FILE --images *.jpg
                                                  whether a model file finds the same there

What has passed is kept until a source changes, so a run that was interrupted goes on where it was;
--again forgets it. The shipped models and a line are compared with this machine's. It needs
Debian's packages debootstrap and qemu-user-static, and the rights of root once, for debootstrap.
Everything lies below out/arm. An emulator says nothing of speed.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.arm.parts import PYTEST_OPTIONS, Failed, compare_models, parts, run_parts
from tests.arm.root import ArmPython
from tests.running_line import REPOSITORY

FOLDER = REPOSITORY / "out/arm"


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.arm", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    names = [part.name for part in parts(FOLDER)]
    parser.add_argument("tests", nargs="*", help="files or folders, instead of the parts")
    parser.add_argument("--cpu", default="cortex-a72", help="as qemu calls it")
    parser.add_argument("--part", action="append", choices=names, metavar="NAME",
                        help=f"one of: {'; '.join(names)}")  # fmt: skip
    parser.add_argument("--again", action="store_true", help="also what has passed")
    parser.add_argument("--model", action="append", type=Path, metavar="FILE",
                        help="compare this one instead; repeatable")  # fmt: skip
    parser.add_argument("--images", nargs="+", type=Path, default=[], metavar="FILE",
                        help="photographs for --model, instead of the drawn street")  # fmt: skip
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    options = make_parser().parse_args(arguments)
    python = ArmPython(FOLDER, options.cpu)
    if options.tests:
        return python.run("pytest", [*PYTEST_OPTIONS, *options.tests])
    try:
        if options.model:
            models = [model.absolute() for model in options.model]
            _say(compare_models(python, FOLDER, models, options.images))
            return 0
        chosen = [p for p in parts(FOLDER) if not options.part or p.name in options.part]
        passed = FOLDER / f"passed-{options.cpu}.json"
        for said in run_parts(python, chosen, passed, again=options.again):
            _say(said)
    except (Failed, ValueError) as failure:
        _say(f"failed: {failure}")
        return 1
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
