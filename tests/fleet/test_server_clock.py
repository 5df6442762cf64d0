"""The clock of a real server is stepped while it runs."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from nats.aio.client import Client

from stages.services.fleet.operator import ask
from tests.faults.sandbox import Refused
from tests.fleet.server_clock import step_clock
from tests.stages.services.fleet.servers import Server, running_server

SLACK = timedelta(minutes=5)


def offset(server: Server) -> timedelta:
    """How far the server's clock is ahead."""

    async def read(client: Client) -> str:
        return str((await ask(client, "STREAM.INFO.tl_events"))["ts"])

    return datetime.fromisoformat(server.do(read)[:19] + "+00:00") - datetime.now(UTC)


def test_the_clock_of_a_server_is_stepped_and_back(tmp_path: Path) -> None:
    with running_server(tmp_path / "server") as server:
        server.make_streams()
        try:
            step_clock(server.pid, 3600)
        except (Refused, PermissionError) as refusal:
            pytest.skip(str(refusal))
        assert abs(offset(server) - timedelta(hours=1)) < SLACK
        step_clock(server.pid, -7200)
        assert abs(offset(server) + timedelta(hours=2)) < SLACK
        step_clock(server.pid, 0)
        assert abs(offset(server)) < SLACK
