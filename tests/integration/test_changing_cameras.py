"""Cameras come and leave while the line runs: nobody else notices, and nothing is left of them."""

import signal
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from pipeline.client import DetectionMessage, EventMessage, LineSubscriber, StatusMessage
from stages.services.archive.index import Index
from stages.services.archive.layout import NS
from stages.services.archive.sidecar import Sidecar, read_sidecar
from stages.services.archive.wishes import Wish, add_wish
from tests.clips import make_clip
from tests.conftest import StartLine
from tests.integration.changing_line import reload, wait_for_log
from tests.integration.reconnects import sample
from tests.running_line import RunningLine, wait_until

pytestmark = pytest.mark.usefixtures("default_hang_up")


class Site:
    """A line whose cameras are clips that begin again and again, lossless and at their speed."""

    def __init__(
        self, folder: Path, start_line: StartLine, *names: str, record: Path | None = None
    ) -> None:
        self.folder = folder
        self._clip = make_clip(folder / "clip.avi", 16)
        self._path = folder / "line.yaml"
        self.events_path = folder / "events.jsonl"
        self._content: dict[str, Any] = {
            "postprocess": {"score_thresh": 0.11},
            "record": {"events": str(self.events_path)}
            | ({} if record is None else {"folder": str(record)}),
            "limits": {"restarts": 50, "cameras": 4},
        }
        self._write(names, {})
        self.line: RunningLine = start_line(self._path)
        self.line.wait_for_messages(3 * len(names))
        self.pids = self.line.children()

    def change(self, *names: str, **more: dict[str, Any]) -> None:
        self._write(names, more)
        reload(self.line)

    def source(self, name: str, **more: Any) -> dict[str, Any]:
        return {
            "uri": str(self._clip),
            "loop": True,
            "realtime": True,
            "track": True,
            "name": name,
            **more,
        }

    def messages(self, camera: str) -> list[DetectionMessage]:
        return [message for message in self.line.messages() if message.camera == camera]

    def wait_for_more(self, camera: str, count: int = 3) -> None:
        wanted = len(self.messages(camera)) + count
        wait_until(
            lambda: len(self.messages(camera)) >= wanted or self.line.process.poll() is not None,
            f"{count} more messages of {camera}",
            pause_s=0.05,
        )
        assert self.line.process.poll() is None, self.line.stderr

    def wait_for_logs(self, text: str, count: int) -> None:
        wait_until(lambda: self.line.stderr.count(text) >= count, f"'{text}' {count} times")

    def events(self) -> list[EventMessage]:
        rows = self.events_path.read_bytes().splitlines()
        return [msgspec.json.decode(row, type=EventMessage) for row in rows]

    def finish(self) -> None:
        """Each frame of each camera has its message once, in order, and nothing is left."""
        self.line.run_dir()
        self.line.look()
        self.line.process.send_signal(signal.SIGINT)
        assert self.line.wait() == 0, self.line.stderr
        for camera in {message.camera for message in self.line.messages()}:
            messages = self.messages(camera)
            ids = [message.frame_id for message in messages]
            assert ids == [m.seq for m in messages] == list(range(len(messages))), camera
            assert all(m.status == "ok" and not m.drops for m in messages), camera
            epochs = [message.epoch for message in messages]
            assert epochs == sorted(epochs)
        assert self.line.leftovers() == []

    def _write(self, names: tuple[str, ...], more: dict[str, dict[str, Any]]) -> None:
        sources = [self.source(name, **more.get(name, {})) for name in names]
        new = self._path.with_suffix(".new")
        new.write_text(yaml.safe_dump(self._content | {"sources": sources}))
        new.replace(self._path)


def test_a_camera_comes_leaves_and_comes_back(start_line: StartLine, tmp_path: Path) -> None:
    site = Site(tmp_path, start_line, "gate")
    site.change("gate", "yard")
    wait_for_log(site.line, "configuration: sources[1]: camera added: yard")
    site.wait_for_more("yard", 12)
    site.change("gate")
    wait_for_log(site.line, "configuration: yard is removed")
    assert "capture.yard" not in site.line.children()
    assert not list(site.line.run_dir().glob("ring.1.*"))
    before = len(site.messages("yard"))
    site.wait_for_more("gate", 10)
    assert len(site.messages("yard")) == before
    site.change("gate", "yard")
    site.wait_for_more("yard", 12)
    messages = site.messages("yard")
    assert messages[before].epoch > messages[before - 1].epoch
    # Its tracks have ended with its first stay, and no number is given twice.
    first, second = (
        {d.track_id for m in part for d in m.detections if d.track_id is not None}
        for part in (messages[:before], messages[before:])
    )
    assert first
    assert second
    assert not first & second
    ends = {e.track_id: e.reason for e in site.events()
            if e.camera == "yard" and e.kind == "track_end"}  # fmt: skip
    assert all(ends[track] is not None for track in first)
    assert "stop" in {ends[track] for track in first}
    assert {name: site.line.pid(name) for name in site.pids if name in site.line.processes} == {
        name: pid for name, pid in site.pids.items() if name in site.line.processes
    }
    site.finish()


def test_another_address_starts_one_camera_again(start_line: StartLine, tmp_path: Path) -> None:
    site = Site(tmp_path, start_line, "gate", "yard")
    other = make_clip(tmp_path / "other.avi", 9)
    before, gate = site.line.pid("capture.yard"), site.line.pid("capture.gate")
    site.change("gate", "yard", yard={"uri": str(other), "track": False})
    wait_for_log(site.line, "configuration: yard starts again")
    count = len(site.messages("yard"))
    site.wait_for_more("yard")
    assert site.line.pid("capture.yard") != before
    assert site.line.pid("capture.gate") == gate
    assert site.line.ledger().starts("capture.yard") == 1, "it has not died"
    last = site.messages("yard")[count:]
    assert all(d.track_id is None for m in last for d in m.detections)
    # The other file is read from its beginning.
    assert min(m.pts_ns for m in last) < 500_000_000
    site.finish()


def test_a_subscriber_follows_the_cameras(start_line: StartLine, tmp_path: Path) -> None:
    """One that has asked for a camera before there was one, too."""
    site = Site(tmp_path, start_line, "gate")
    endpoint = f"ipc://{site.line.jsonl.parent}/pub"
    with LineSubscriber(endpoint, ["yard"], timeout_s=0.1, patience_s=None) as subscriber:
        heard: list[Any] = []

        def hear() -> bool:
            heard.extend(filter(None, [subscriber.receive()]))
            return any(isinstance(m, DetectionMessage) for m in heard)

        wait_until(
            lambda: not hear() and "no camera 'yard'" in subscriber.trouble, "there is none such"
        )
        site.change("gate", "yard")
        wait_until(hear, "results of the new camera come")
        wait_until(
            lambda: hear() and any(isinstance(m, EventMessage) for m in heard), "a track begins"
        )
        site.change("gate")

        def ended() -> bool:
            hear()
            return any(isinstance(m, StatusMessage) and m.state == "ended" for m in heard)

        def stopped() -> bool:
            hear()
            return any(isinstance(m, EventMessage) and m.reason == "stop" for m in heard)

        wait_until(ended, "its end is told")
        states = [m for m in heard if isinstance(m, StatusMessage)]
        assert states[-1].why == "removed from the configuration"
        wait_until(stopped, "the end of its tracks is told")
    site.finish()


@pytest.mark.parametrize("name", ["preprocess", "detect", "track", "publish", "record_jsonl"])
def test_a_stage_that_is_killed_while_cameras_change_takes_the_change(
    start_line: StartLine, tmp_path: Path, name: str
) -> None:
    site = Site(tmp_path, start_line, "gate", "yard")
    for number in range(2):
        site.change("gate")
        time.sleep(0.05 + 0.2 * number)  # the supervisor looks within 50 ms
        site.line.kill(name)
        site.wait_for_logs("configuration: yard is removed", number + 1)
        site.change("gate", "yard")
        time.sleep(0.04 * number)
        site.line.kill(name)
        site.wait_for_more("yard")
    keys = [(e.camera, e.seq) for e in site.events()]
    assert len(keys) == len(set(keys))
    site.finish()


def test_the_capture_process_may_die_while_its_camera_leaves(
    start_line: StartLine, tmp_path: Path
) -> None:
    site = Site(tmp_path, start_line, "gate", "yard")
    for number in range(2):
        site.line.kill("capture.yard", signal.SIGSTOP)  # it cannot end by itself
        site.change("gate")
        wait_for_log(site.line, "camera removed: yard")
        site.line.kill("capture.yard")
        site.wait_for_logs("configuration: yard is removed", number + 1)
        site.change("gate", "yard")
        site.wait_for_more("yard")
    site.line.process.send_signal(signal.SIGINT)
    assert site.line.wait() == 0, site.line.stderr
    assert [m.frame_id for m in site.messages("gate")] == list(range(len(site.messages("gate"))))


def test_many_changes_leave_nothing_behind(start_line: StartLine, tmp_path: Path) -> None:
    site = Site(tmp_path, start_line, "gate")

    def go_round(times: int) -> None:
        done = site.line.stderr.count("yard is removed")
        for number in range(times):
            site.change("gate", "yard")
            site.wait_for_logs("camera added: yard", done + number + 1)
            site.change("gate")
            site.wait_for_logs("yard is removed", done + number + 1)

    def look() -> tuple[dict[str, int], set[str]]:
        pids = site.line.children() | {"supervisor": site.line.process.pid}
        files = {path.name for path in site.line.run_dir().iterdir()}
        return {name: sample(pid, 0).fds for name, pid in pids.items()}, files

    def nothing_more() -> bool:
        counts, files = look()
        more = {name: count - counts_before.get(name, 0) for name, count in counts.items()}
        return files == files_before and not any(count > 0 for count in more.values())

    go_round(2)
    site.wait_for_more("gate")
    counts_before, files_before = look()
    go_round(8)
    site.wait_for_more("gate")
    wait_until(nothing_more, "no more open files than before")  # the control's socket closes late
    site.finish()


def test_more_names_than_a_run_has_room_for_are_refused(
    start_line: StartLine, tmp_path: Path
) -> None:
    site = Site(tmp_path, start_line, "gate")
    for name in ("one", "two", "three"):
        site.change(name)
        wait_for_log(site.line, f"camera added: {name}")
        wait_until(lambda: site.line.stderr.count("is removed") > 0, "one is removed")
        site.wait_for_more(name, 1)
    site.change("four")
    wait_for_log(site.line, "configuration not changed: limits.cameras: expected at most 4 ")
    site.change("gate")  # a name that it knows
    site.wait_for_more("gate", 1)
    site.finish()


def test_a_camera_that_cannot_be_read_is_lost_alone(start_line: StartLine, tmp_path: Path) -> None:
    site = Site(tmp_path, start_line, "gate")
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    site.change("gate", "yard", yard={"uri": str(broken)})
    wait_for_log(site.line, "yard: this camera is lost")
    site.wait_for_more("gate")
    site.change("gate")
    wait_for_log(site.line, "configuration: yard is removed")
    site.wait_for_more("gate")
    site.line.process.send_signal(signal.SIGINT)
    site.line.wait()


def test_a_clip_that_was_asked_for_is_made_although_another_camera_leaves(
    start_line: StartLine, tmp_path: Path
) -> None:
    """Its camera sends no packets, so nothing of it is coded before: the clip has no picture yet
    when the recorder begins anew."""
    folder = tmp_path / "record"
    site = Site(tmp_path, start_line, "gate", "yard", record=folder)
    wait_for_log(site.line, "keeps what matters in")
    index = Index.attach(folder)

    def kept() -> dict[str, Sidecar]:
        """The films of which there is something, by their groups."""
        found = map(read_sidecar, folder.glob("gate/*/clips/[0-9]*.mp4"))
        return {clip.group: clip for clip in found if clip is not None}

    wishes = []
    for number in range(3):
        wishes.append(Wish("gate", time.time_ns(), 2.0))
        add_wish(index, wishes[-1])
        time.sleep(0.1 * number)
        site.change("gate")
        site.wait_for_logs("configuration: yard is removed", number + 1)
        wait_until(lambda: len(kept()) == len(wishes), "the clip is written")
        site.change("gate", "yard")
        site.wait_for_more("yard")
    wait_until(lambda: not any(clip.open for clip in kept().values()), "they are finished")
    index.close()
    for wish, clip in zip(wishes, sorted(kept().values(), key=lambda c: c.group), strict=True):
        assert (clip.camera, clip.why) == ("gate", "asked for")
        assert clip.begin_unix_ns < wish.at_ns + 2 * NS
    site.finish()
    assert site.line.complaints("no clip") == 0
