"""Measurements run in processes of their own: pinned to a core, or supervising a whole line."""

import contextlib
import os
import subprocess
import sys
from typing import TypeVar

import msgspec

from pipeline.errors import LineError

_PATIENCE_S = 10.0  # a line needs three seconds to stop
_ERRORS_CHARS = 2000
_T = TypeVar("_T")


def ask(kind: type[_T], module: str, *arguments: object, timeout_s: float) -> _T:
    """What `python -m MODULE PARENT_PID ARGUMENTS...` says on standard output, as JSON.

    Whatever ends this process's wait, Ctrl-C too, ends the other one, which cleans up behind it.

    Raises:
        LineError: it failed, or takes longer than `timeout_s`.
    """
    command = [sys.executable, "-m", module, str(os.getpid()), *map(str, arguments)]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C in the terminal reaches this process alone
    )  # fmt: skip
    try:
        said, errors = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        raise LineError(f"{module}: expected to be done within {timeout_s:.0f} s") from None
    finally:
        _end(process)
    if process.returncode:
        why = errors.decode(errors="replace").strip()[-_ERRORS_CHARS:]
        raise LineError(why.removeprefix("error: ") or f"{module} ended with {process.returncode}")
    return msgspec.json.decode(said, type=kind)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=_PATIENCE_S)
    if process.poll() is None:
        process.kill()
        process.communicate()
