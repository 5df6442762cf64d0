"""The last moment at which a line was well, for whoever asks from outside: a container's health.

It lies in the run's directory. The supervisor renews it; anybody who may read the directory sees
how old it is.
"""

import os
from pathlib import Path

from pipeline.realtime import monotonic_ns

_NAME = "well"
_DIGITS = 20
_NS_PER_S = 1e9


class VitalSign:
    """What the supervisor renews while the line is ready and has a pulse."""

    def __init__(self, run_dir: Path) -> None:
        self._fd = os.open(run_dir / _NAME, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)

    def renew(self) -> None:
        os.pwrite(self._fd, f"{monotonic_ns():0{_DIGITS}}".encode(), 0)

    def close(self) -> None:
        os.close(self._fd)


def well_s_ago(run_dir: Path) -> float | None:
    """How many seconds ago the line was well; None if it has not been yet, or cannot be read."""
    try:
        told = (run_dir / _NAME).read_bytes()
    except OSError:
        return None
    return (monotonic_ns() - int(told)) / _NS_PER_S if len(told) == _DIGITS else None
