"""What the service tells a real server of a line."""

from pathlib import Path

import pytest
from nats.aio.client import Client

from pipeline.memory.cameras import CameraState
from stages.services.fleet import service
from stages.services.machine import machine_name
from tests.pipeline.messages import make_message
from tests.running_line import PATIENCE_S, wait_until
from tests.stages.services.bare import make_fleet_options
from tests.stages.services.fleet.servers import Server
from tests.stages.services.fleet.serving import BASE, YARD, serving
from tests.stages.services.hand_made_line import Line


def test_events_arrive_in_order_with_a_key_that_no_other_has(
    server: Server, line: Line, tmp_path: Path
) -> None:
    with serving(line.run_dir, make_fleet_options(tmp_path, server.port)):
        line.happen(3)
        line.happen(kind="zone_enter", region="lawn", count=3, inside=2)
        found = server.wait_for_events(4)
    assert [each["id"] for each in found] == [f"board/k3x9/yard/{seq}" for seq in range(4)]
    assert {(each["site"], each["board"]) for each in found} == {("hall", "board-3")}
    kinds = [subject.removeprefix(f"{YARD}.") for subject, _ in server.stored("tl_events")]
    assert kinds == ["track", "track", "track", "event"]


def test_states_of_cameras_are_those_that_the_line_says(
    server: Server, line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_GOODBYE_S", PATIENCE_S)
    with serving(line.run_dir, make_fleet_options(tmp_path, server.port)):
        server.wait_for_state(f"{YARD}.state", lambda state: state["state"] == "connecting")
        line.ledger.camera_writer(0).set_state(CameraState.STALLED, "no frame")
        state = server.wait_for_state(f"{YARD}.state", lambda state: state["state"] == "stalled")
        assert state["why"] == "no frame"
        line.ledger.camera_writer(0).set_state(CameraState.STALLED, "no answer")
        server.wait_for_state(f"{YARD}.state", lambda state: state["why"] == "no answer")
        counters = server.wait_for_state(f"{YARD}.counters")
        board = server.wait_for_state(f"{BASE}.board", lambda b: b["cameras"]["yard"] == "stalled")
    assert counters["captured"] == 0
    assert board["running"]
    assert board["host"] == machine_name()
    assert board["outbox"]["lost"] == {}
    assert not server.states()[f"{BASE}.board"]["running"]  # the line was stopped in order


def test_detections_are_thinned_and_reach_those_who_listen(
    server: Server, line: Line, tmp_path: Path
) -> None:
    async def listen(client: Client) -> list[bytes]:
        heard = await client.subscribe(f"{YARD}.detections")
        await client.flush()
        for frame in range(50):
            line.say(make_message(frame, run="k3x9"))
        found = [(await heard.next_msg(30)).data]
        await client.flush()
        return found * (1 + heard.pending_msgs)

    options = make_fleet_options(tmp_path, server.port, detections_s=3600.0)
    with serving(line.run_dir, options):
        server.wait_for_state(f"{BASE}.board")
        told = server.do(listen)
    assert len(told) == 1
    assert b'"label":"car"' in told[0]


def test_what_happens_without_a_server_waits_for_it(
    server: Server, line: Line, tmp_path: Path
) -> None:
    server.stop()
    with serving(line.run_dir, make_fleet_options(tmp_path, server.port)):
        line.happen(20)
    server.start()
    with serving(line.run_dir, make_fleet_options(tmp_path, server.port)):
        line.happen(20)
        found = server.wait_for_events(40)
    assert [each["seq"] for each in found] == list(range(40))


def test_the_board_says_how_much_waits(server: Server, line: Line, tmp_path: Path) -> None:
    server.stop()
    options = make_fleet_options(tmp_path, server.port, max_mb=0.1)
    with serving(line.run_dir, options):
        line.happen(400)
        wait_until(lambda: (tmp_path / "board-3.fleet").exists(), "they wait")
    server.start()
    with serving(line.run_dir, options):
        board = server.wait_for_state(f"{BASE}.board", lambda b: not b["outbox"]["waiting"])
        lost = board["outbox"]["lost"]["full"]
        found = server.wait_for_events(400 - lost)
    assert [each["seq"] for each in found] == list(range(lost, 400))
    assert lost > 100
