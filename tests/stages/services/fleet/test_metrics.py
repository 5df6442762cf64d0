"""What Prometheus is shown of a fleet."""

import http.client
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stages.services.fleet import metrics
from stages.services.fleet.hub_families import FAMILIES
from stages.services.fleet.hub_metrics import collect_boards, collect_cameras, collect_streams
from stages.services.fleet.view import FleetView
from stages.services.metrics.text import OPENMETRICS
from tests.ports import free_port
from tests.running_line import PATIENCE_S, REPOSITORY, wait_until
from tests.stages.services.bare import make_fleet_options
from tests.stages.services.fleet.servers import Server
from tests.stages.services.fleet.serving import serving
from tests.stages.services.fleet.test_commands import NOW_NS, board
from tests.stages.services.hand_made_line import Line
from tests.stages.services.metrics.exposition import (
    Key,
    key,
    parse_openmetrics,
    parse_plain,
    promtool,
    render,
)

HERE = {"site": "hall", "board": "board-3"}
SOURCES = {
    "config": {"name": "tl_events", "max_bytes": 1000},
    "state": {"last_seq": 9, "messages": 7, "bytes": 700},
    "sources": [
        {"external": {"api": "$JS.hall.API"}, "lag": 3, "active": 2_000_000_000},
        {"external": {"api": "$JS.yard.API"}, "active": -1},
    ],
}  # fmt: skip


def counters(**fields: Any) -> dict[str, Any]:
    usual = {
        "name": "yard", "state": "live", "since_unix_ns": 1, "why": "", "epoch": 1, "width": 64,
        "height": 48, "captured": 100, "published": 90, "errors": 0, "idle": 0,
        "captured_fps": 10.0, "published_fps": 9.0, "age_p50_ms": 250.0, "age_p99_ms": 300.0,
        "result_age_ms": 10.0, "sent_unix_ns": NOW_NS, **HERE,
        "drops": [{"process": "preprocess", "reason": "newest_wins", "frames": 10}],
    }  # fmt: skip
    return usual | fields


def show(*told: tuple[str, dict[str, Any]], seconds: float = 0.0) -> dict[Key, float]:
    """The exposition, so many seconds after all of it was stored."""
    view = FleetView()
    for subject, message in told:
        view.hear(subject, msgspec.json.encode(message), NOW_NS)
    view.now_ns = lambda: NOW_NS + int(seconds * 1e9)  # type: ignore[method-assign]
    found = [*collect_boards(view), *collect_cameras(view), *collect_streams([SOURCES])]
    plain = parse_plain(render(found, openmetrics=False))
    assert len(plain) == len(parse_openmetrics(render(found, openmetrics=True)))
    return plain


TOLD = (("tl.hall.board-3.board", board(throttled=False)),
        ("tl.hall.board-3.yard.counters", counters()))  # fmt: skip


def test_a_board_and_its_cameras_are_shown() -> None:
    found = show(*TOLD)
    info = key("thunderline_fleet_board_info", **HERE, host="pi", version="0.1.0", model="m")
    assert found[info] == 1
    assert found[key("thunderline_fleet_board_temperature_celsius", **HERE, sensor="cpu")] == 61.5
    assert found[key("thunderline_fleet_board_restarts_total", **HERE)] == 2
    assert found[key("thunderline_fleet_board_throttled", **HERE)] == 0
    assert found[key("thunderline_fleet_outbox_lost_total", **HERE, reason="full")] == 7
    yard = HERE | {"camera": "yard"}
    assert found[key("thunderline_fleet_camera_captured_total", **yard)] == 100
    assert found[key("thunderline_fleet_camera_drops_total", **yard)] == 10
    assert found[key("thunderline_fleet_camera_age_seconds", **yard)] == 0.25
    live = yard | {"thunderline_fleet_camera_state": "live"}
    lost = yard | {"thunderline_fleet_camera_state": "lost"}
    assert (found[key("thunderline_fleet_camera_state", **live)],
            found[key("thunderline_fleet_camera_state", **lost)]) == (1, 0)  # fmt: skip


def test_of_a_silent_board_nobody_knows_what_its_cameras_do() -> None:
    found = show(*TOLD, seconds=400)
    silent = HERE | {"thunderline_fleet_board_status": "silent"}
    assert found[key("thunderline_fleet_board_status", **silent)] == 1
    assert found[key("thunderline_fleet_board_sick", **HERE)] == 1
    assert found[key("thunderline_fleet_board_silent_seconds", **HERE)] == 400
    assert not [name for name, _ in found if name.startswith("thunderline_fleet_camera")]


def test_what_the_hub_has_still_to_fetch_is_shown() -> None:
    found = show(*TOLD)
    assert found[key("thunderline_fleet_stream_stored_total", stream="tl_events")] == 9
    assert found[key("thunderline_fleet_stream_limit_bytes", stream="tl_events")] == 1000
    hall, yard = ({"stream": "tl_events", "site": site} for site in ("hall", "yard"))
    assert found[key("thunderline_fleet_source_lag_messages", **hall)] == 3
    assert found[key("thunderline_fleet_source_silent_seconds", **hall)] == 2
    assert key("thunderline_fleet_source_silent_seconds", **yard) not in found  # never heard


@contextmanager
def exporting(server: Server) -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    """The command in a process of its own; its port, as soon as it shows the hub."""
    port = free_port()
    command = [sys.executable, "-m", metrics.__name__, "--listen", f"127.0.0.1:{port}"]
    process = subprocess.Popen(
        [*command, *server.arguments()], cwd=REPOSITORY, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        wait_until(lambda: hub_up(port) == 1, "it shows the hub", pause_s=0.1)
        yield port, process
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_S)


def scrape(port: int, path: str = metrics.PATH, accept: str = "") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request("GET", path, headers={"Accept": accept})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def hub_up(port: int) -> float | None:
    """None where nobody answers, or the hub stopped while it was asked (503, in words)."""
    try:
        status, body = scrape(port)
    except OSError:
        return None
    return parse_plain(body).get(key("thunderline_fleet_hub_up")) if status == 200 else None


def test_a_real_fleet_is_scraped_and_the_hub_may_go_and_come(
    server: Server, line: Line, tmp_path: Path
) -> None:
    up = {"site": "hall", "board": "board-3", "thunderline_fleet_board_status": "up"}
    with serving(line.run_dir, make_fleet_options(tmp_path, server.port)):
        line.happen(3)
        server.wait_for_events(3)
        server.wait_for_state("tl.hall.board-3.yard.counters")
        with exporting(server) as (port, process):
            status, body = scrape(port, accept=OPENMETRICS)
            assert status == 200
            found = parse_openmetrics(body)
            assert found[key("thunderline_fleet_board_status", **up)] == 1
            stored = key("thunderline_fleet_stream_stored_total", stream="tl_events")
            assert found[stored] == 3
            assert {name for name, _ in found} <= {
                family.name + {"counter": "_total", "info": "_info"}.get(family.kind, "")
                for family in FAMILIES
            }
            promtool("check", "metrics", given=scrape(port)[1])
            assert scrape(port, "/")[0] == 404
            server.stop()
            wait_until(lambda: hub_up(port) == 0, "it says that the hub is away", pause_s=0.1)
            server.start()
            wait_until(lambda: hub_up(port) == 1, "it shows the hub again", pause_s=0.1)
            assert process.poll() is None


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--listen", "9477"], "--listen: expected HOST:PORT"),
        (["--server", "127.0.0.1:1"], "nats://127.0.0.1:1: Connect call failed"),
    ],
)
def test_what_cannot_be_shown_is_one_line(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    usual = ["--listen", f"127.0.0.1:{free_port()}"]
    assert metrics.main([*usual, *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert told in error
