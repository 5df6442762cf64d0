"""What a real server does whose disk was full, and that nothing is lost by it."""

import contextlib
import http.client
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.services.fleet.streams import Limits, alone_streams
from tests.faults.sandbox import Refused, run
from tests.ports import free_port
from tests.running_line import wait_until
from tests.stages.services.bare import make_fleet_options
from tests.stages.services.fleet.servers import running_server
from tests.stages.services.fleet.serving import serving
from tests.stages.services.hand_made_line import Line

_DISK_BYTES = 16 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small one; the test is skipped where none may be made."""
    path = tmp_path / "disk"
    path.mkdir()
    try:
        run("mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "tmpfs", str(path))
    except Refused as refusal:
        pytest.skip(str(refusal))
    yield path
    run("umount", "--lazy", str(path))


@pytest.fixture
def line(short_dir: Path) -> Iterator[Line]:
    line = Line(short_dir)
    yield line
    line.close()


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(os.urandom(1 << 16))


def is_well(port: int) -> bool:
    """As a service manager asks."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    finally:
        connection.close()


def test_a_server_whose_disk_was_full_says_so_and_goes_on_when_it_is_started_again(
    disk: Path, line: Line, tmp_path: Path
) -> None:
    monitoring = free_port()
    text = f'http: 127.0.0.1:{monitoring}\njetstream {{ store_dir: "{disk}/store" }}'
    with running_server(tmp_path / "server", text) as server:
        server.make_streams(*alone_streams(Limits(1, 0.005)))
        with serving(line.run_dir, make_fleet_options(tmp_path, server.port, keepalive_s=1)):
            line.happen(20)
            server.wait_for_events(20)
            fill(disk / "filler")
            line.happen(20)
            wait_until(lambda: not is_well(monitoring), "the server says so", pause_s=0.2)
            (disk / "filler").unlink()
            assert not is_well(monitoring)  # nats-server 2.15: there is room, and it takes nothing
            server.stop()
            server.start()
            wait_until(lambda: is_well(monitoring), "it is well", pause_s=0.2)
            line.happen(20)
            found = server.wait_for_events(60)
    assert [each["seq"] for each in found] == list(range(60))
