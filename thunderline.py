"""ThunderLine: live cameras in, detections out.

The command of an installed ThunderLine, and in the wheel the package that everything else is below
(setup.py): `thunderline.stages` there is `stages` in a checkout.
"""

import argparse
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

EXIT_OK, EXIT_REFUSED = 0, 2
EXIT_INTERRUPTED = 130  # as a shell says of SIGINT


class Command(NamedTuple):
    """What a word after `thunderline` runs, and the options that go before those of the user."""

    target: str
    what: str
    options: tuple[str, ...] = ()
    parser: str = ""  # makes that of the target, where it is not `make_parser` beside it


COMMANDS = {
    "run": Command("run_pipeline:main", "run a line: cameras in, detections out"),
    "check": Command("run_pipeline:main", "check a configuration, start nothing", ("--check",)),
    "detect": Command("run_pipeline:main", "detect objects in image files", ("detect",),
                      "stages.line.image_command:make_parser"),
    "bench": Command("run_pipeline:main", "say how fast this machine is", ("bench",),
                     "stages.line.bench.command:make_parser"),
    "doctor": Command("stages.line.doctor.command:main", "say what ails this machine"),
    "cameras": Command("run_pipeline:main", "list the cameras that there are", ("cameras",),
                       "stages.line.camera_command:make_parser"),
    "client": Command("pipeline.client.__main__:main", "show what a line publishes"),
    "health": Command("pipeline.health:main", "say whether the lines here are well"),
    "install-service": Command("stages.line.systemd_unit:main", "have systemd start it at boot"),
    "keys": Command("pipeline.keys:main", "make keys for an encrypted endpoint"),
    "completion": Command("thunderline:complete", "complete these words in a shell"),
}  # fmt: skip


def main() -> int:
    """Run a command; returns its exit code."""
    try:
        run_command: Callable[[Callable[[], int]], int] = _find("pipeline.log:run_command")
        return run_command(_run)
    except KeyboardInterrupt:  # that was not imported yet: a small board takes its time for it
        return EXIT_INTERRUPTED


def _run() -> int:
    """Import what the first word asks for, and run it."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("-h", "--help", "help"):
        sys.stdout.write(_usage())
        return EXIT_OK
    if name == "--version":
        sys.stdout.write(f"thunderline {_version()}\n")
        return EXIT_OK
    command = COMMANDS.get(name)
    if command is None:
        sys.stderr.write(f"error: expected a command, got '{name}'\n\n{_usage()}")
        return EXIT_REFUSED
    # Its texts say what it is called, and it hides the passwords among its options.
    sys.argv = [f"thunderline {name}", *command.options, *sys.argv[2:]]
    exit_code: int = _find(command.target)()
    return exit_code


def complete() -> int:
    """Print what makes a shell complete the words of this command; returns the exit code."""
    from stages.line.completion import Word, options_of, parse_shell, script_for

    shell = parse_shell(tuple(COMMANDS))
    words = [Word(name, row.what, options_of(_parser(row))) for name, row in COMMANDS.items()]
    sys.stdout.write(script_for(shell, words))
    return EXIT_OK


def _parser(command: Command) -> argparse.ArgumentParser | None:
    """What reads its options; None for this one, which takes a shell's name."""
    module, _, function = command.target.partition(":")
    if function == complete.__name__:
        return None
    parser: argparse.ArgumentParser = _find(command.parser or f"{module}:make_parser")()
    return parser


def _find(target: str) -> Any:
    """The function behind `package.module:function`."""
    module, _, function = target.partition(":")
    return getattr(import_module(module), function)


def _version() -> str:
    from importlib.metadata import version  # wanted seldom

    return version("thunderline")


def _usage() -> str:
    rows = [f"  {name:<17}{command.what}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            "usage: thunderline COMMAND ...",
            "",
            *rows,
            "",
            "thunderline COMMAND --help says more; thunderline --version\n",
        ]
    )
