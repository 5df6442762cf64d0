"""SIGHUP to a line that runs: its configuration changes, its processes and its frames do not."""

import os
import re
import signal
import time
from pathlib import Path

import pytest
import yaml

from pipeline.memory.file_lock import FileHeldError, check_free
from stages.config import SHIPPED_MODEL
from tests.conftest import StartLine
from tests.integration.changing_line import (
    MUCH,
    NOTHING,
    File,
    finish,
    last,
    reload,
    start,
    wait_for_detections,
    wait_for_log,
)
from tests.running_line import wait_until

STREET = "scene://street?seed=7&width=320&height=240&fps=10"
REFUSED = "configuration not changed: "


pytestmark = pytest.mark.usefixtures("default_hang_up")


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path)


def test_another_threshold_is_in_force_and_no_process_is_started_again(
    start_line: StartLine, file: File
) -> None:
    """With the shipped model in the drawn street."""
    file.content["sources"] = [{"uri": STREET, "track": True}]
    file.set_score(NOTHING)
    line = start(start_line, file, model=SHIPPED_MODEL)
    pids = {name: line.pid(name) for name in line.processes}
    assert not last(line).detections
    file.set_score(MUCH, track={"lost_s": 3})
    reload(line)
    wait_for_log(line, "configuration: in force in track")
    wait_for_detections(line, some=True)
    file.set_score(NOTHING, track={"lost_s": 3})
    reload(line)
    wait_for_detections(line, some=False)
    assert {name: line.pid(name) for name in line.processes} == pids
    finish(line)
    assert f"configuration: postprocess.score_thresh: {NOTHING} -> {MUCH}" in line.stderr
    assert "configuration: track.lost_s: 2 -> 3" in line.stderr
    assert "started again" not in line.stdout


def test_no_process_dies_where_all_of_the_line_are_signalled(
    start_line: StartLine, file: File
) -> None:
    """As `pkill -HUP -f run_pipeline.py` does: forks show the command line of the supervisor."""
    file.set_score(NOTHING)
    line = start(start_line, file)
    before = line.children()
    assert {*line.processes, "fork_server"} <= set(before)
    file.set_score(MUCH)
    for pid in (*before.values(), line.process.pid):
        os.kill(pid, signal.SIGHUP)
    wait_for_log(line, "configuration: in force in ")
    wait_for_detections(line, some=True)
    assert line.children() == before
    finish(line)


def test_where_nothing_is_tracked_postprocess_takes_the_threshold(
    start_line: StartLine, file: File
) -> None:
    file.content["sources"][0]["track"] = False
    file.set_score(NOTHING)
    line = start(start_line, file)
    file.set_score(MUCH)
    reload(line)
    wait_for_log(line, "configuration: in force in postprocess")
    wait_for_detections(line, some=True)
    finish(line)


def test_what_is_refused_leaves_everything(start_line: StartLine, file: File) -> None:
    line = start(start_line, file)
    pids = {name: line.pid(name) for name in line.processes}
    good = dict(file.content)
    camera = good["sources"][0] | {"uri": "rtsp://admin:S3cretXYZ@192.0.2.1/1"}
    for text, why in (
        (
            yaml.safe_dump(good | {"sources": [camera], "ring": {"slots": 9}}),
            "ring.slots cannot change while the line runs: start it again",
        ),
        ("sources: [{uri: 'S3cretXYZ", f"configuration {file.path}: not YAML: line 1, column "),
        ("trakc: {}\n", f"{file.path}: unknown key 'trakc': did you mean 'track'?"),
        (
            yaml.safe_dump(good | {"postprocess": {"score_thresh": 7}}),
            f"{file.path}: postprocess.score_thresh: Expected `float` < 1.0, got 7",
        ),
    ):
        file.write(text)
        reload(line)
        wait_for_log(line, REFUSED + why)
    file.path.unlink()
    reload(line)
    wait_for_log(line, f"{REFUSED}configuration {file.path}: expected a file to read again")
    rows = [row for row in line.stderr.splitlines() if REFUSED in row]
    assert len(rows) == 5
    assert all(re.match(r"\S+ ERROR +run ", row) for row in rows)
    assert "configuration: " not in "".join(row.partition(REFUSED)[0] for row in rows)
    line.wait_for_more(3)
    assert not last(line).detections
    assert {name: line.pid(name) for name in line.processes} == pids
    file.set_score(MUCH)
    reload(line)
    wait_for_detections(line, some=True)
    finish(line)
    assert "S3cretXYZ" not in line.stderr


def test_recordings_stay_locked(start_line: StartLine, file: File) -> None:
    """Whoever looks at one and closes it ends its lock, and the next start would write over it."""
    other = file.path.parent / "other.mp4"
    file.set_score(NOTHING, record={"events": str(other)})
    line = start(start_line, file)

    def check_held() -> None:
        for path in (line.jsonl, other):
            with path.open("rb") as recording, pytest.raises(FileHeldError):
                check_free(recording.fileno())

    file.set_score(MUCH)
    reload(line)
    wait_for_log(line, "configuration: in force in track")
    check_held()
    file.set_score(MUCH, record={"video": str(other)})  # the same file under another key
    reload(line)
    wait_for_log(line, f"{REFUSED}record.events, record.video cannot change")
    check_held()
    finish(line)


def test_what_the_command_line_says_stays_on_top(start_line: StartLine, file: File) -> None:
    line = start(start_line, file, "--set", f"postprocess.score_thresh={NOTHING}")
    file.set_score(MUCH)
    reload(line)
    wait_for_log(line, "configuration: nothing has changed")
    finish(line)


def test_of_ten_changes_in_a_row_the_last_is_in_force(start_line: StartLine, file: File) -> None:
    line = start(start_line, file)
    pids = {name: line.pid(name) for name in line.processes}
    for number in range(9):
        file.set_score(NOTHING, track={"lost_s": 3 + number})
        reload(line)
        time.sleep(0.05)
    file.set_score(MUCH)
    reload(line)
    wait_for_log(line, f"postprocess.score_thresh: {NOTHING} -> {MUCH}")
    wait_for_detections(line, some=True)
    assert {name: line.pid(name) for name in line.processes} == pids
    finish(line)
    assert REFUSED not in line.stderr


def test_a_process_that_is_killed_before_it_takes_the_change_comes_back_with_it(
    start_line: StartLine, file: File
) -> None:
    line = start(start_line, file)
    line.kill("track", signal.SIGSTOP)
    file.set_score(MUCH)
    reload(line)
    wait_for_log(line, f"postprocess.score_thresh: {NOTHING} -> {MUCH}")
    line.kill_running("track")
    wait_for_log(line, "configuration: in force in track")
    wait_for_detections(line, some=True)
    finish(line)


def test_a_process_that_is_killed_at_any_moment_of_a_change_comes_back_with_it(
    start_line: StartLine, file: File
) -> None:
    line = start(start_line, file, "--set", "limits.restarts=20")
    for number in range(8):
        some = number % 2 == 0
        file.set_score(MUCH if some else NOTHING)
        reload(line)
        time.sleep(0.012 * number)  # the supervisor looks within 50 ms
        line.kill("track")
        wait_for_detections(line, some=some)
    finish(line)
    assert "track was killed by SIGKILL: starting it again" in line.stderr


def test_a_line_that_ignores_hang_ups_still_does(start_line: StartLine, file: File) -> None:
    line = start(start_line, file, wrap=("nohup",))
    file.set_score(MUCH)
    line.process.send_signal(signal.SIGHUP)
    line.wait_for_more(3)
    assert not last(line).detections
    finish(line)
    assert "configuration: " not in line.stderr


def test_a_filter_of_a_source_is_in_force_without_a_restart(
    start_line: StartLine, file: File
) -> None:
    file.set_score(MUCH)
    line = start(start_line, file)
    pids = {name: line.pid(name) for name in line.processes}
    assert {d.label for d in last(line).detections} == {"person", "car"}
    file.content["sources"][0]["filter"] = {"labels": ["car"]}
    file.set_score(MUCH)
    reload(line)
    wait_for_log(line, "configuration: sources[0].filter.labels: [] -> ['car']")
    wait_until(lambda: {d.label for d in last(line).detections} == {"car"}, "only cars are left")
    assert {name: line.pid(name) for name in line.processes} == pids
    finish(line)
