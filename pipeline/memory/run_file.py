"""What the processes of a run are told while it runs, on its way from the supervisor to them.

One file in the directory of the run holds the whole `RunSpec` and is replaced in one step, so it
changes as a whole and is never read half. A word of the ledger tells that there is a new one.
"""

import contextlib
import json
import os
from pathlib import Path

import msgspec

from pipeline.errors import LineError
from pipeline.topology import RunSpec

_NAME = "run"


def leave_run(run: RunSpec) -> None:
    """Replace the file.

    Raises:
        LineError: there is no room for it; then the one before is still there.
    """
    path, partial = Path(run.run_dir) / _NAME, Path(run.run_dir) / f"{_NAME}.partial"
    # As JSON of the standard library, which keeps names of files that are no UTF-8.
    encoded = json.dumps(msgspec.to_builtins(run)).encode()
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


def read_run(run_dir: Path) -> RunSpec:
    """What was left last; there must have been something."""
    return msgspec.convert(json.loads((run_dir / _NAME).read_bytes()), RunSpec, str_keys=True)
