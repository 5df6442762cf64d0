"""What commands of this package share: their help, and how they end."""

import argparse
import sys
from collections.abc import Callable

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130


def make_parser(name: str, documentation: str | None) -> argparse.ArgumentParser:
    """Of `python -m models.<name>`, whose help shows the module's docstring as it is written."""
    return argparse.ArgumentParser(
        prog=f"python -m models.{name}",
        description=documentation,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


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
