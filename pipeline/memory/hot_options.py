"""Options that change while the line runs, on their way from the supervisor to the processes.

One file in the directory of the run holds those of all processes and is replaced in one step, so
they change as a whole and are never read half. A word of the ledger tells that there is a new one.
"""

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import msgspec

from pipeline.errors import LineError

_NAME = "hot_options"


class HotOptions(msgspec.Struct, frozen=True):
    """All options of each process that has hot ones, by its index."""

    revision: int
    options: dict[int, dict[str, Any]]


def leave_hot_options(run_dir: Path, hot: HotOptions) -> None:
    """Replace the file.

    Raises:
        LineError: there is no room for it; then the one before is still there.
    """
    path, partial = run_dir / _NAME, run_dir / f"{_NAME}.partial"
    # As JSON of the standard library, which keeps names of files that are no UTF-8.
    encoded = json.dumps(msgspec.to_builtins(hot)).encode()
    try:
        # Options may hold passwords.
        flags = os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC
        with open(os.open(partial, flags, 0o600), "wb") as file:
            file.write(encoded)
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise LineError(f"{path}: {len(encoded)} bytes: {error.strerror}") from None


def read_hot_options(run_dir: Path) -> HotOptions:
    """What was left last; there must have been something."""
    content = json.loads((run_dir / _NAME).read_bytes())
    return msgspec.convert(content, HotOptions, str_keys=True)
