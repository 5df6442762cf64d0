"""What commands of this package share: their help, what they may write, and how they end."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from models.errors import ConfigError

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130


def make_parser(name: str, documentation: str | None) -> argparse.ArgumentParser:
    """Of `python -m models.<name>`, whose help shows the module's docstring as it is written."""
    return argparse.ArgumentParser(
        prog=f"python -m models.{name}",
        description=documentation,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def check_out(out: Path, *inputs: Path) -> None:
    """Raises ConfigError where the file to be written is one of those that are read."""
    if out.resolve() in (path.resolve() for path in inputs):
        raise ConfigError(f"{out}: expected another file to write than those that are read")


def check_outputs(options: argparse.Namespace, *names: str) -> None:
    """Checks each option that names a file to write against every other option that is a path.

    Raises:
        ConfigError: a file to be written is one that is read, or two are the same.
    """
    paths = {name: find_paths(value) for name, value in vars(options).items()}
    for name in names:
        others = [path for other in paths if other != name for path in paths[other]]
        for out in paths[name]:
            check_out(out, *others)


def find_paths(value: object) -> list[Path]:
    """Those in an option's value, which may be one, a list of them, or something else."""
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, Path)]


def run_command(
    name: str,
    command: Callable[[], object],
    user_errors: tuple[type[Exception], ...],
    interrupted: str = "interrupted, nothing written",
) -> int:
    """The exit code of `command`. Of `user_errors` the message is printed, and no traceback.

    Args:
        interrupted: what is said after Ctrl-C.
    """
    try:
        command()
    except user_errors as error:
        print(f"{name}: {error}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        print(f"{name}: {interrupted}", file=sys.stderr)
        return EXIT_INTERRUPTED
    return 0
