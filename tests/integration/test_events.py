"""Events of a real line with the shipped model: each once, in the file and for clients."""

import signal
from pathlib import Path

import msgspec

from pipeline.client import EventMessage, EventSubscriber
from stages.config import SHIPPED_MODEL
from tests.clips import make_clip
from tests.conftest import StartLine
from tests.running_line import RunningLine, wait_until

STREET = "scene://street?seed=7&width=640&height=360&fps=10&seconds=8&noise=off"
ENDLESS = STREET.replace("seconds=8", "seconds=600")  # for whoever changes a line
MIDDLE = "{middle: {polygon: [[0.2, 0], [0.8, 0], [0.8, 1], [0.2, 1]], dwell_s: 1}}"
ACROSS = "{across: {from: [0.5, 0], to: [0.5, 1]}}"
KINDS = {"track_begin", "track_end", "zone_enter", "zone_leave", "zone_dwell", "line_cross"}


def street(path: Path, pace: str = "realtime: false") -> tuple[str, ...]:
    """By default as fast as the line goes: no frame is lost, and each run sees the same."""
    keys = f"uri: '{STREET}', {pace}, zones: {MIDDLE}, lines: {ACROSS}"
    return (
        *("--model", SHIPPED_MODEL),
        *("--set", f"sources=[{{{keys}}}]", "--set", f"record.events={path}"),
        *("--set", "track.enabled=true"),
    )


def recorded(path: Path) -> list[EventMessage]:
    """The events of one camera, each of them once."""
    lines = path.read_bytes().split(b"\n")
    assert lines.pop() == b""
    events = [msgspec.json.decode(line, type=EventMessage) for line in lines]
    assert [event.seq for event in events] == list(range(len(events)))
    assert len({(event.run, event.camera) for event in events}) <= 1
    return events


def finish(line: RunningLine, path: Path) -> list[EventMessage]:
    assert line.wait() == 0, line.stderr
    assert line.leftovers() == []
    assert f"wrote {path} ({path.stat().st_size} bytes)" in line.stdout
    return recorded(path)


def of_any_run(event: EventMessage) -> EventMessage:
    """The event without what differs between runs of one file: its run, and the time of day."""
    life = event.life
    if life is not None:
        life = msgspec.structs.replace(life, first_seen_unix_ns=0, last_seen_unix_ns=0)
    return msgspec.structs.replace(event, run="", captured_unix_ns=0, life=life)


def test_a_client_gets_the_events_that_are_recorded(start_line: StartLine, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    line = start_line(*street(path))
    received: list[EventMessage] = []
    endpoint = f"ipc://{line.jsonl.parent}/pub"
    with EventSubscriber(endpoint, status=False, timeout_s=0.2, patience_s=None) as subscriber:
        while line.process.poll() is None:
            received += [m for m in subscriber if isinstance(m, EventMessage)]
        received += [m for m in subscriber if isinstance(m, EventMessage)]
        assert subscriber.lost_events == 0
    events = finish(line, path)
    assert received == events[-len(received) :]  # it may have come after the first ones
    assert {event.kind for event in events} == KINDS
    frames = {message.frame_id: message for message in line.messages()}
    for event in events:
        assert 0 <= event.frame_id < len(frames)
        assert event.pts_ns == frames[event.frame_id].pts_ns
        assert event.captured_unix_ns == frames[event.frame_id].captured_unix_ns
        assert (event.width, event.height) == (640, 360)


def test_no_event_is_lost_told_twice_or_changed_when_processes_are_killed(
    start_line: StartLine, tmp_path: Path
) -> None:
    path = tmp_path / "undisturbed.jsonl"
    undisturbed = finish(start_line(*street(path)), path)
    path = tmp_path / "disturbed.jsonl"
    line = start_line(*street(path))
    killed = ("record_jsonl", "publish", "track", "postprocess", "detect")
    for number, name in enumerate((*killed, *killed)):
        line.wait_for_messages(4 + 5 * number)
        line.kill(name)
    disturbed = finish(line, path)
    for name in killed:
        assert f"{name} was killed by SIGKILL: starting it again" in line.stderr
    assert [of_any_run(e) for e in disturbed] == [of_any_run(e) for e in undisturbed]


def test_tracks_begin_and_end_once_when_a_camera_is_lost(
    start_line: StartLine, tmp_path: Path
) -> None:
    path = tmp_path / "events.jsonl"
    line = start_line(*street(path))
    for messages in (15, 40):
        line.wait_for_messages(messages)
        line.kill("capture.cam0")
    events = finish(line, path)
    begun = [event.track_id for event in events if event.kind == "track_begin"]
    ended = [event.track_id for event in events if event.kind == "track_end"]
    assert sorted(begun) == sorted(ended) == sorted(set(begun))
    assert {event.epoch for event in events} == {1, 2, 3}
    assert {e.reason for e in events if e.kind == "track_end"} >= {"epoch", "stop"}


def test_an_event_is_recorded_though_its_frame_was_dropped_on_the_way(
    start_line: StartLine, tmp_path: Path
) -> None:
    path = tmp_path / "events.jsonl"
    line = start_line(*street(path, "live: true, realtime: true"))
    ledger = line.ledger()
    line.wait_for_messages(5)
    line.kill("record_jsonl", signal.SIGSTOP)
    wait_until(lambda: ledger.unrecorded() > 10, "frames are dropped on their way to the recorder")
    line.kill("record_jsonl", signal.SIGCONT)
    events = finish(line, path)
    messages = {message.frame_id for message in line.messages()}
    assert any(event.frame_id not in messages for event in events)


def test_a_line_without_tracks_adds_nothing_to_its_file_of_events(
    start_line: StartLine, tmp_path: Path
) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text("of an earlier run\n")
    clip = make_clip(tmp_path / "clip.avi", 8)
    line = start_line("--source", clip, "--set", f"record.events={path}")
    assert line.wait() == 0, line.stderr
    assert path.read_text() == "of an earlier run\n"
    assert len(line.messages()) == 8
