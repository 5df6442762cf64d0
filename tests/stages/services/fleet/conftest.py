"""A server with streams, and a line, for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.services.fleet import sender
from tests.stages.services.fleet.servers import Server, running_server
from tests.stages.services.mqtt.serving import Line


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running_server(tmp_path / "server") as server:
        server.make_streams()
        yield server


@pytest.fixture
def line(short_dir: Path) -> Iterator[Line]:
    line = Line(short_dir)
    yield line
    line.close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits between two tries are short."""
    monkeypatch.setattr(sender, "_FIRST_WAIT_S", 0.05)
    monkeypatch.setattr(sender, "_LONGEST_WAIT_S", 0.3)
