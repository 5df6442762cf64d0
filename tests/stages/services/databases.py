"""What becomes of databases that a test has opened."""

import contextlib
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def databases_that_end(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A writer that is as good as killed closes none of its own, of which Python 3.13 warns."""
    opened: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def note(*args: Any, **options: Any) -> sqlite3.Connection:
        opened.append(connect(*args, **options))
        return opened[-1]

    monkeypatch.setattr(sqlite3, "connect", note)
    yield
    for connection in opened:
        with contextlib.suppress(sqlite3.ProgrammingError):  # that of another thread
            connection.close()
