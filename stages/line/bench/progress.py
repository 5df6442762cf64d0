"""What is being measured, for whoever waits."""

import sys
import time

from pipeline.log import say_error


class Progress:
    """One line on standard error: rewritten in place on a terminal, else one line each."""

    def __init__(self) -> None:
        self._began_s = time.monotonic()
        self._tty = sys.stderr.isatty()

    def say(self, what: str) -> None:
        text = f"{time.monotonic() - self._began_s:4.0f} s  {what}"
        say_error(f"\r\x1b[K{text}" if self._tty else text, end="" if self._tty else "\n")

    def clear(self) -> None:
        if self._tty:
            say_error("\r\x1b[K", end="")
