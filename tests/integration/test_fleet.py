"""A whole line and a real NATS server: events arrive once, and pushed configurations come down."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from stages.services.fleet import push
from tests.conftest import StartLine
from tests.integration.test_events import ACROSS, ENDLESS, MIDDLE, recorded, street
from tests.integration.test_mqtt import PACE, finish
from tests.running_line import PATIENCE_S, RunningLine, wait_until
from tests.stages.services.fleet.servers import Server, running_server

HALL = "tl.hall.board-3"


def telling(server: Server, folder: Path) -> dict[str, object]:
    outbox = {"path": f"{folder}/{{name}}.fleet"}
    return {"server": f"127.0.0.1:{server.port}", "site": "hall", "board": "board-3",
            "outbox": outbox, "counters_s": 1, "configure": True}  # fmt: skip


def test_events_of_a_line_arrive_once_though_everything_is_killed(
    start_line: StartLine, tmp_path: Path
) -> None:
    path = tmp_path / "events.jsonl"
    with running_server(tmp_path / "server") as server:
        server.make_streams()
        fleet = yaml.safe_dump(telling(server, tmp_path), default_flow_style=True).strip()
        line = start_line(*street(path, PACE), "--set", f"fleet={fleet}")
        server.wait_for_events(1)
        line.kill_running("fleet")
        server.stop()
        line.kill_running("publish")
        server.start()
        line.look()
        finish(line)
        told = recorded(path)
        line = start_line(*street(path, PACE), "--set", f"fleet={fleet}")  # sends what is left

        def arrived() -> list[int]:
            return [each["seq"] for each in server.events() if each["run"] == told[0].run]

        wait_until(lambda: len(arrived()) >= len(told), "all events have come", pause_s=0.2)
        assert arrived() == [event.seq for event in told]


class Pushed:
    """A line that takes what is pushed, and somebody who pushes."""

    def __init__(self, server: Server, folder: Path, start_line: StartLine) -> None:
        self.server, self._folder, self.start_line = server, folder, start_line
        self.file = folder / "line.yaml"
        source = {"uri": ENDLESS, "name": "street", "realtime": True}
        content = {"sources": [source], "fleet": telling(server, folder)}
        self.file.write_text(yaml.safe_dump(content))
        self.text = self.file.read_text()

    def start(self) -> RunningLine:
        line = self.start_line(self.file, "--set", "track.enabled=true")
        self.server.wait_for_state(f"{HALL}.board", lambda board: board["running"])
        return line

    def push(self, patch: object, *options: str) -> int:
        path = self._folder / "patch.yaml"
        path.write_text(yaml.safe_dump(patch))
        patience = [] if "--wait" in options else ["--wait", str(PATIENCE_S)]
        return push.main(["hall", str(path), *options, *patience, *self.server.arguments()])


@pytest.fixture
def pushed(start_line: StartLine, tmp_path: Path) -> Iterator[Pushed]:
    with running_server(tmp_path / "server") as server:
        server.make_streams()
        yield Pushed(server, tmp_path, start_line)


ZONES = {"sources": {"*": {"zones": yaml.safe_load(MIDDLE)}}}
LINES = {"sources": {"street": {"lines": yaml.safe_load(ACROSS)}, "gate": {"lines": {}}}}


def test_what_is_pushed_is_in_force_and_answered_and_what_is_bad_changes_nothing(
    pushed: Pushed, capsys: pytest.CaptureFixture[str]
) -> None:
    line = pushed.start()
    assert pushed.push(ZONES) == 0
    assert "hall.board-3: in force: 1 changes" in capsys.readouterr().out
    assert pushed.push(LINES, "--board", "board-3") == 0
    told = capsys.readouterr().out
    assert "sources[0].lines" in told
    assert "it has no gate" in told
    pushed.server.wait_for_state(f"{HALL}.config", lambda report: len(report["revisions"]) == 2)
    wait_until(lambda: "lines.across" in line.stderr or "].lines" in line.stderr, "it is said")
    bad = {"sources": {"street": {"zones": {"lawn": {"polygon": [[0, 0], [1, 1]]}}}}}
    assert pushed.push(bad) == 1
    assert "refused, nothing has changed: sources[0].zones.lawn" in capsys.readouterr().out
    assert pushed.push({"ring": {"slots": 9}}) == 1
    assert "ring.slots cannot change while the line runs" in capsys.readouterr().out
    report = pushed.server.states()[f"{HALL}.config"]
    assert report["mistakes"][0]["key"] == "ring.slots"
    assert pushed.text == pushed.file.read_text()  # the lowest layer stays as it is


def test_a_push_that_nobody_answers_is_told_of_and_holds(
    pushed: Pushed, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pushed.push(ZONES, "--wait", "0.2") == 1
    assert "no board of hall._site is known; one that comes takes it" in capsys.readouterr().out
    line = pushed.start()
    pushed.server.wait_for_state(f"{HALL}.config", lambda report: report["applied"])
    line.process.terminate()
    assert line.wait() == 0
    capsys.readouterr()
    assert pushed.push(LINES, "--wait", "0.2") == 1
    assert "no answer within 0.2 s: board-3 (" in capsys.readouterr().out


def test_a_board_that_was_off_gets_the_newest_and_keeps_it_while_it_is_cut_off(
    pushed: Pushed, capsys: pytest.CaptureFixture[str]
) -> None:
    line = pushed.start()
    line.process.terminate()
    assert line.wait() == 0
    assert pushed.push(LINES, "--wait", "0") == 0
    assert pushed.push(ZONES, "--wait", "0") == 0
    line = pushed.start()
    report = pushed.server.wait_for_state(f"{HALL}.config")
    assert report["applied"]
    assert report["revisions"] == {"hall._site": 2}
    wait_until(lambda: "fleet: configuration of hall._site" in line.stderr, "it is said")
    assert "zones.middle" in line.stderr
    line.process.terminate()
    assert line.wait() == 0
    pushed.server.stop()
    line = pushed.start_line(pushed.file, "--set", "track.enabled=true")
    wait_until(lambda: "zones.middle" in line.stderr, "what was in force is in force again")
    pushed.server.start()
    options = ["hall", "--delete", *pushed.server.arguments()]
    assert push.main(options) == 0
    pushed.server.wait_for_state(f"{HALL}.config", lambda report: not report["revisions"])
