"""The recorder as a whole goes on where a process before it was killed."""

import threading
import time
from pathlib import Path

import msgspec
import pytest

from pipeline.client import EventMessage
from stages.services.archive.archive import Archive
from stages.services.archive.layout import NS, Kind
from stages.services.archive.retention import Limits
from stages.services.archive.sidecar import Sidecar, read_sidecar
from tests.faults.clip_kills import record
from tests.pipeline.messages import make_event
from tests.running_line import wait_until
from tests.stages.services.recorder.camera import MadeUpCamera, greys

SENT_S = 12


@pytest.fixture
def event(tmp_path: Path) -> EventMessage:
    """It was seen by a camera that has sent for some seconds before and after it."""
    begin_ns = time.time_ns() - SENT_S * NS
    (tmp_path / "run").mkdir()
    MadeUpCamera(tmp_path / "run", begin_ns=begin_ns).send(SENT_S)
    event = make_event(0, "gate", kind="line_cross", captured_unix_ns=begin_ns + 6 * NS)
    (tmp_path / "events.jsonl").write_bytes(msgspec.json.encode(event) + b"\n")
    return event


def clips(folder: Path) -> list[Path]:
    return sorted((folder / "record").rglob("clips/[0-9]*.mp4"))


def run(folder: Path, clips_wanted: int) -> list[Sidecar]:
    """The sidecars of the clips that a recorder leaves."""
    recorder = threading.Thread(target=record, args=(folder,))
    recorder.start()
    try:
        wait_until(lambda: len([p for p in clips(folder) if p.stat().st_size]) >= clips_wanted,
                   "a clip")  # fmt: skip
        wait_until(lambda: all(p.with_suffix(".jpg").exists() for p in clips(folder)), "finished")
    finally:
        (folder / "end").touch()
        recorder.join()
    return [sidecar for path in clips(folder) if (sidecar := read_sidecar(path)) is not None]


def test_an_event_that_was_kept_and_has_no_clip_gets_one(
    tmp_path: Path, event: EventMessage
) -> None:
    archive = Archive(tmp_path / "record", Limits())
    archive.add_event(event)
    archive.close()
    (clip,) = run(tmp_path, 1)
    assert [told.seq for told in clip.events] == [event.seq]
    assert clip.begin_unix_ns <= event.captured_unix_ns - NS
    assert clip.end_unix_ns >= event.captured_unix_ns + NS - NS // 5
    assert greys(clips(tmp_path)[0])


def test_an_event_that_has_its_clip_gets_no_second_one(tmp_path: Path, event: EventMessage) -> None:
    archive = Archive(tmp_path / "record", Limits())
    archive.add_event(event)
    path = archive.make_file("gate", Kind.CLIP, event.captured_unix_ns)
    end_ns = event.captured_unix_ns + NS
    archive.put(
        path, Sidecar(Kind.CLIP, "gate", end_ns - 2 * NS, end_ns, ended=True, events=[event])
    )
    path.write_bytes(b"of a process before this one")
    path.with_suffix(".jpg").touch()
    archive.close()
    later = make_event(
        1, "gate", kind="line_cross", captured_unix_ns=event.captured_unix_ns + 3 * NS
    )
    with (tmp_path / "events.jsonl").open("ab") as file:
        file.write(msgspec.json.encode(later) + b"\n")
    found = run(tmp_path, 2)
    assert [[told.seq for told in clip.events] for clip in found] == [[event.seq], [later.seq]]
    assert found[0].end_unix_ns == end_ns


def test_a_file_that_was_made_and_never_begun_goes(tmp_path: Path, event: EventMessage) -> None:
    archive = Archive(tmp_path / "record", Limits())
    empty = archive.make_file("gate", Kind.CLIP, event.captured_unix_ns - 100 * NS)
    archive.close()
    run(tmp_path, 1)
    assert not empty.exists()
