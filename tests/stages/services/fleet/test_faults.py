"""What goes wrong outside: nothing is lost, nothing is doubled by its key, and it is said once."""

import signal
import sqlite3
from pathlib import Path

import pytest

from pipeline.memory.cameras import CameraState
from pipeline.service import ServiceError
from stages.services.fleet.streams import Limits, alone_streams
from tests.running_line import wait_until
from tests.stages.services.bare import make_fleet_options
from tests.stages.services.fleet.servers import Server, running_server
from tests.stages.services.fleet.serving import BASE, YARD, Process, serving
from tests.stages.services.hand_made_line import Line
from tests.stages.services.proxy import Proxy

USERS = """
accounts {{ TL {{ jetstream: enabled, users: [
  {{ user: admin, password: secret }}
  {{ user: board, password: secret, permissions: {{
      publish: "tl.{site}.board-3.>", subscribe: "_INBOX.{site}.board-3.>" }} }}
] }} }}
"""


def test_killed_servers_and_services_lose_and_double_nothing(
    server: Server, line: Line, tmp_path: Path
) -> None:
    options = make_fleet_options(tmp_path, server.port)
    told = 0
    for number in (signal.SIGKILL, signal.SIGTERM):
        process = Process(line.run_dir, options)
        line.happen(100)
        told += 100
        server.wait_for_events(told - 60)
        server.stop(number)
        line.happen(50)
        server.start()
        told += 50
        server.wait_for_events(told - 40)
        process.kill()
        line.happen(20)  # nobody is there
        told += 20
    process = Process(line.run_dir, options)
    found = server.wait_for_events(told)
    process.stop()
    assert [each["id"] for each in found] == [f"board/k3x9/yard/{seq}" for seq in range(told)]


def test_a_connection_that_is_dead_without_a_word_is_found(
    server: Server, line: Line, tmp_path: Path, said: list[str]
) -> None:
    proxy = Proxy(server.port)
    with serving(line.run_dir, make_fleet_options(tmp_path, proxy.port, keepalive_s=1)):
        line.happen(5)
        server.wait_for_events(5)
        proxy.hold()
        line.happen(5)
        wait_until(lambda: any("fleet: " in text for text in said), "it is found")
        proxy.release()
        found = server.wait_for_events(10)
    proxy.close()
    assert [each["seq"] for each in found] == list(range(10))


def test_what_is_blocked_outside_is_never_taken_for_a_dead_camera(
    server: Server, line: Line, tmp_path: Path, said: list[str]
) -> None:
    proxy = Proxy(server.port)
    line.ledger.camera_writer(0).set_state(CameraState.LIVE)
    with serving(line.run_dir, make_fleet_options(tmp_path, proxy.port, keepalive_s=1)):
        before = server.wait_for_state(f"{YARD}.state", lambda state: state["state"] == "live")
        proxy.hold()
        line.happen(300)
        wait_until(lambda: any("fleet: " in text for text in said), "it is blocked")
        assert server.states()[f"{YARD}.state"] == before
        proxy.release()
        server.wait_for_events(300)
        after = server.wait_for_state(f"{BASE}.board", lambda b: not b["outbox"]["waiting"])
        assert after["cameras"] == {"yard": "live"}
        assert server.states()[f"{YARD}.state"] == before  # since, too
    proxy.close()


def test_a_refused_password_is_one_error_and_nothing_is_lost(
    line: Line, tmp_path: Path, said: list[str]
) -> None:
    (tmp_path / "password").write_text("Geh31mnis\n")
    with running_server(tmp_path / "s", USERS.format(site="hall"), user="admin") as server:
        server.make_streams()
        options = make_fleet_options(
            tmp_path, server.port, user="board", password_file=f"{tmp_path}/password"
        )
        with serving(line.run_dir, options):
            line.happen(3)
            wait_until(lambda: bool(said), "it is said")
        assert "Geh31mnis" not in "".join(said) + server.log
        (tmp_path / "password").write_text("secret\n")
        with serving(line.run_dir, options):
            server.wait_for_events(3)
    (text,) = said
    assert "the server refuses user and password; what happens waits" in text


def test_a_wrong_site_is_one_error_and_nothing_is_lost(
    line: Line, tmp_path: Path, said: list[str]
) -> None:
    with running_server(tmp_path / "s", USERS.format(site="hall"), user="admin") as server:
        server.make_streams()
        (tmp_path / "password").write_text("secret\n")
        login = {"user": "board", "password_file": f"{tmp_path}/password"}
        with serving(line.run_dir, make_fleet_options(tmp_path, server.port, site="hal", **login)):
            line.happen(3)
            wait_until(lambda: bool(said), "it is said")
        assert server.events() == []
        with serving(line.run_dir, make_fleet_options(tmp_path, server.port, **login)):
            found = server.wait_for_events(3)
    assert "expected the fleet.site and fleet.board" in said[0]
    assert "tl.hal.board-3" in said[0]
    assert len(said) == 1
    assert [(each["site"], each["seq"]) for each in found] == [("hall", seq) for seq in range(3)]


def test_a_server_without_streams_is_one_error_that_says_how_to_make_them(
    line: Line, tmp_path: Path, said: list[str]
) -> None:
    with (
        running_server(tmp_path / "s") as server,
        serving(line.run_dir, make_fleet_options(tmp_path, server.port)),
    ):
        line.happen(3)
        wait_until(lambda: bool(said), "it is said")
        server.make_streams()
        server.wait_for_events(3)
    assert "python -m stages.services.fleet.streams makes it" in said[0]
    assert len(said) == 1


def test_a_stream_that_is_full_keeps_events_waiting_and_in_order(
    line: Line, tmp_path: Path, said: list[str]
) -> None:
    events, *others = alone_streams(Limits(1, 0.1))
    small = {**events, "max_msgs": 5, "discard": "new"}
    with running_server(tmp_path / "s") as server:
        server.make_streams(small, *others)
        with serving(line.run_dir, make_fleet_options(tmp_path, server.port)):
            line.happen(12)
            wait_until(lambda: bool(said), "it is said")
            first = server.events()
            server.do(lambda client: client.jetstream().purge_stream("tl_events"))
            server.wait_for_events(5)
            second = server.events()
            server.do(lambda client: client.jetstream().purge_stream("tl_events"))
            third = server.wait_for_events(2)
    assert "the stream does not take tl.hall.board-3.yard.track: maximum messages" in said[0]
    assert [each["seq"] for each in first + second + third] == list(range(12))


def test_an_event_that_the_server_never_takes_is_counted_and_said_and_does_not_stop_others(
    line: Line, tmp_path: Path, said: list[str]
) -> None:
    events, *others = alone_streams(Limits(1, 0.1))
    with running_server(tmp_path / "s") as server:
        server.make_streams({**events, "max_msg_size": 700}, *others)
        with serving(line.run_dir, make_fleet_options(tmp_path, server.port)):
            line.happen(2)
            line.happen(kind="zone_enter", region="l" * 900)
            line.happen(2)
            found = server.wait_for_events(4)
            board = server.wait_for_state(f"{BASE}.board", lambda b: b["outbox"]["lost"])
    assert [each["seq"] for each in found] == [0, 1, 3, 4]
    assert board["outbox"]["lost"] == {"refused": 1}
    assert any("1 message is given up" in text for text in said)


def test_an_outbox_of_a_newer_version_is_refused_and_left_alone(line: Line, tmp_path: Path) -> None:
    options = make_fleet_options(tmp_path, 1)
    with serving(line.run_dir, options):
        pass
    path = tmp_path / "board-3.fleet"
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    before = path.read_bytes()
    with (
        pytest.raises(ServiceError, match=r"fleet\.outbox: .*expected an outbox of version 1, got"),
        serving(line.run_dir, options),
    ):
        pass
    assert path.read_bytes() == before
