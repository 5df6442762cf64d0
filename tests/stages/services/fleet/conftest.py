"""A server with streams for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.services.fleet import sender
from tests.stages.services.fleet.servers import Server, running_server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running_server(tmp_path / "server") as server:
        server.make_streams()
        yield server


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits between two tries are short."""
    monkeypatch.setattr(sender, "_FIRST_WAIT_S", 0.05)
    monkeypatch.setattr(sender, "_LONGEST_WAIT_S", 0.3)
