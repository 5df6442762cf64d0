"""Standard input, output and error of a command, as far as it was given them."""

import io
import os
import sys


class OutputError(Exception):
    """Standard output cannot be written: what it goes to has no room, or is broken."""


class Output(io.TextIOWrapper):
    """Standard output that tells its own errors from those of other files."""

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(f"standard output: {error.strerror}") from error

    def flush(self) -> None:
        try:
            super().flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(f"standard output: {error.strerror}") from error


def hold_standard_streams() -> None:
    """Let a stream that was closed before the start lead nowhere.

    Its number would go to the next file or socket, and what is printed with it. Some supervisors
    close streams that nobody reads.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
            os.set_inheritable(number, True)
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            stream = open(number, mode, closefd=False)  # noqa: SIM115 - for good
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)  # as Python does with those that it was given


def watch_output() -> None:
    """Have writing to standard output raise `OutputError` where it fails."""
    stream = sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        sys.stdout = Output(
            stream.buffer, stream.encoding, stream.errors,
            line_buffering=stream.line_buffering, write_through=stream.write_through,
        )  # fmt: skip


def give_up_output() -> None:
    """Let what standard output still holds go nowhere, or Python would try again at the exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
