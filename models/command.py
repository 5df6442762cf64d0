"""How commands of this package end: a mistake in one line, Ctrl-C without a traceback."""

import sys
from collections.abc import Callable

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130


def run_command(
    name: str, command: Callable[[], object], mistakes: tuple[type[Exception], ...]
) -> int:
    """The exit code of `command`; its message when it raises one of `mistakes` is for the user."""
    try:
        command()
    except mistakes as error:
        print(f"{name}: {error}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        print(f"{name}: interrupted, nothing written", file=sys.stderr)
        return EXIT_INTERRUPTED
    return 0
