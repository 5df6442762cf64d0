"""What commands of this package share: their help, and how they end."""

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


def parse_share(text: str) -> float:
    """An argument from 0 to below 1, such as a score."""
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"expected 0 to below 1, got {text}")
    return value


def parse_count(text: str) -> int:
    """An argument of 1 or more."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, got {text}")
    return value


def check_out(out: Path, *inputs: Path) -> None:
    """Raises ConfigError where the file to be written is one of those that are read."""
    if out.resolve() in (path.resolve() for path in inputs):
        raise ConfigError(f"{out}: expected another file to write than those that are read")


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
