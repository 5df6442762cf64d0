"""The command line of a process: its addresses are learned, and hidden from other users."""

import ctypes
import re
from collections.abc import Sequence
from pathlib import Path

from pipeline.redact import learn, redact

_SOURCE = re.compile(r"--so\w*(?:=(?P<value>.*))?", re.S)
_SET = re.compile(r"--se\w*(?:=(?P<value>.*))?", re.S)
# Fields of /proc/self/stat (proc_pid_stat(5)) behind the name of the process.
_ARGUMENTS_START, _ARGUMENTS_END = 45, 46


def learn_arguments(arguments: Sequence[str]) -> None:
    """Learn every address of a command line, before anything is said about it.

    An address with a space that was not quoted arrives in several arguments. A value of `--set` is
    YAML, and is learned when it is parsed.
    """
    for number, argument in enumerate(arguments):
        before = arguments[number - 1] if number else ""
        source = _SOURCE.fullmatch(argument)
        following = arguments[number + 1 :]
        if source and source["value"] is not None:
            _learn_source(source["value"], following)
        elif _SOURCE.fullmatch(before) and "=" not in before:
            _learn_source(argument, following)
        elif not _SET.match(argument) and not (_SET.fullmatch(before) and "=" in argument):
            learn(argument)


def _learn_source(address: str, following: Sequence[str]) -> None:
    learn(address)
    ends = [i for i, argument in enumerate(following) if argument.startswith("--")]
    joined = " ".join([address, *following[: ends[0] if ends else None]])
    if "@" in joined[len(address) :]:
        learn(joined.rpartition("@")[0] + "@")


def hide_arguments() -> None:
    """Show this process in ps and top without the credentials of its command line.

    The kernel shows the memory in which it has laid down the arguments, and nothing else.
    """
    written = Path("/proc/self/cmdline").read_bytes()
    shown = redact_arguments(written)
    if shown != written:
        stat = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        start, end = int(stat[_ARGUMENTS_START]), int(stat[_ARGUMENTS_END])
        ctypes.memmove(start, shown, min(end - start, len(shown)))


def redact_arguments(written: bytes) -> bytes:
    """Arguments that end with a zero byte each, redacted, in the same number of bytes."""
    arguments = written.decode(errors="surrogateescape").split("\0")
    shown = "\0".join(map(redact, arguments)).encode(errors="surrogateescape")
    return shown[: max(len(written) - 1, 0)].ljust(len(written), b"\0")
