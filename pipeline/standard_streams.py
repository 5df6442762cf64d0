"""Standard input, output and error of a command, as far as it was given them."""

import errno
import io
import os
import stat
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
            if leave_closed_terminal(self.fileno(), error):
                return len(text)
            raise OutputError(f"standard output: {error.strerror}") from error

    def flush(self) -> None:
        try:
            super().flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            if leave_closed_terminal(self.fileno(), error):
                return
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
    lead_nowhere(1)


def leave_closed_terminal(number: int, error: OSError) -> bool:
    """Whether this stream could not be written because its terminal has been closed.

    Then what it still holds and what is said from now on goes nowhere. The end that a closed
    terminal asks for comes as a signal, to the processes that it is meant for, and maybe later.
    """
    if error.errno != errno.EIO or not stat.S_ISCHR(os.fstat(number).st_mode):
        return False  # EIO of a file is a disk that fails
    lead_nowhere(number)
    return True


def lead_nowhere(*numbers: int) -> None:
    """What is read from or written to these descriptors is nothing from now on."""
    with open(os.devnull, "r+b", buffering=0) as nothing:
        for number in numbers:
            os.dup2(nothing.fileno(), number)
