"""What is being measured, for whoever waits."""

import sys
import time

from pipeline.log import say_error, show_status


class Progress:
    """One line on standard error: rewritten in place on a terminal, else one line each."""

    def __init__(self) -> None:
        self._began_s = time.monotonic()
        self._tty = sys.stderr.isatty()

    def say(self, what: str) -> None:
        text = f"{time.monotonic() - self._began_s:4.0f} s  {what}"
        (show_status if self._tty else say_error)(text)

    def clear(self) -> None:
        if self._tty:
            show_status("")
