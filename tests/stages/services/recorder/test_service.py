"""The recorder as a whole goes on where a process before it was killed."""

import contextlib
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline.client import Detection, DetectionMessage, EventMessage
from pipeline.client.messages import EventKind
from pipeline.service import ServiceError
from stages.services.archive.archive import Archive
from stages.services.archive.layout import INDEX, NS, Kind, day_of
from stages.services.archive.listing import Listing, Query
from stages.services.archive.retention import Limits
from stages.services.archive.sidecar import Sidecar, read_sidecar
from stages.services.archive.wishes import Wish, add_wish
from stages.services.recorder.resume import finish_films
from stages.services.recorder.service import Recorder, RecorderOptions
from tests.disks import fill, mounted
from tests.faults.clip_kills import RULE, Context, record
from tests.pipeline.messages import make_event
from tests.running_line import PATIENCE_S, wait_until
from tests.stages.services.recorder.camera import FPS, MODEL, MadeUpCamera, greys
from tests.stages.services.recorder.kills import killed_recorder
from tests.stages.services.recorder.test_snapshots import BOX, PLAIN, Frames

SENT_S = 12
SENT_BEFORE_S = 200  # what is sent while a disk is full begins so long ago
MANY = 8  # films that a process has left, and clips of one event


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


def has_begun(clip: Path) -> bool:
    """One that was made and never begun may go just now."""
    with contextlib.suppress(FileNotFoundError):
        return clip.stat().st_size > 0
    return False


def run(folder: Path, clips_wanted: int) -> list[Sidecar]:
    """The sidecars of the clips that a recorder leaves."""
    recorder = threading.Thread(target=record, args=(folder,))
    recorder.start()
    try:
        wait_until(lambda: sum(map(has_begun, clips(folder))) >= clips_wanted, "a clip")
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


def keep_clip(tmp_path: Path, event: EventMessage, rule: str) -> int:
    """What a process before has kept: an event and its clip by a rule; returns when that ends."""
    archive = Archive(tmp_path / "record", Limits())
    archive.add_event(event)
    path = archive.make_file("gate", Kind.CLIP, event.captured_unix_ns)
    end_ns = event.captured_unix_ns + NS
    archive.put(
        path,
        Sidecar(Kind.CLIP, "gate", end_ns - 2 * NS, end_ns, ended=True, why=rule, events=[event]),
    )
    path.write_bytes(b"of a process before this one")
    path.with_suffix(".jpg").touch()
    archive.close()
    return end_ns


def test_an_event_that_has_its_clip_gets_no_second_one(tmp_path: Path, event: EventMessage) -> None:
    end_ns = keep_clip(tmp_path, event, "visits")
    later = make_event(
        1, "gate", kind="line_cross", captured_unix_ns=event.captured_unix_ns + 3 * NS
    )
    with (tmp_path / "events.jsonl").open("ab") as file:
        file.write(msgspec.json.encode(later) + b"\n")
    found = run(tmp_path, 2)
    assert [[told.seq for told in clip.events] for clip in found] == [[event.seq], [later.seq]]
    assert found[0].end_unix_ns == end_ns


def test_an_event_that_one_rule_has_in_a_clip_gets_that_of_the_other_rule(
    tmp_path: Path, event: EventMessage
) -> None:
    """A process before was killed between the two."""
    keep_clip(tmp_path, event, "others")
    found = run(tmp_path, 2)
    assert sorted(clip.why for clip in found) == ["others", "visits"]
    assert [[told.seq for told in clip.events] for clip in found] == 2 * [[event.seq]]


def test_an_index_that_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    index = tmp_path / "record" / INDEX
    index.mkdir(parents=True)
    options = RecorderOptions(str(index.parent), Limits(), MODEL)
    with pytest.raises(ServiceError) as refused:
        Recorder(options, Context(tmp_path, tmp_path / "end"))  # type: ignore[arg-type]
    assert str(refused.value) == (
        f"record.folder: {index}: the index cannot be used: unable to open database file"
    )


def test_a_file_that_was_made_and_never_begun_goes(tmp_path: Path, event: EventMessage) -> None:
    archive = Archive(tmp_path / "record", Limits())
    empty = archive.make_file("gate", Kind.CLIP, event.captured_unix_ns - 100 * NS)
    archive.close()
    run(tmp_path, 1)
    assert not empty.exists()


class WatchedContext(Context):
    """Looks at what has been done whenever the recorder gives a sign of life.

    Args:
        old: clips that a process before has left; what is told of each is one step.
        wanted: clips to be begun, which are a step each, too.
    """

    def __init__(self, folder: Path, old: list[Path], wanted: int) -> None:
        super().__init__(folder, folder / "end")
        self._root, self._old, self._wanted = folder, old, wanted
        self.steps: list[int] = []

    def beat(self) -> None:
        told = [read_sidecar(path) for path in self._old]
        ended = sum(sidecar is not None and sidecar.ended for sidecar in told)
        self.steps.append(ended + len(self._begun()))

    def is_running(self) -> bool:
        self.beat()
        return len(self._begun()) < self._wanted

    def _begun(self) -> list[Path]:
        return [p for p in clips(self._root) if p not in self._old and p.stat().st_size]


def test_a_recorder_with_much_to_do_at_once_says_all_the_while_that_it_lives(
    tmp_path: Path, event: EventMessage
) -> None:
    """Killed for its silence it would leave yet more to the next one, and so on."""
    run(tmp_path, 1)
    film = clips(tmp_path)[0].read_bytes()
    shutil.rmtree(tmp_path / "record")
    archive = Archive(tmp_path / "record", Limits())
    old = [archive.make_file("gate", Kind.CLIP, event.captured_unix_ns) for _ in range(MANY)]
    for path in old:
        path.write_bytes(film)
        end_ns = event.captured_unix_ns
        archive.put(path, Sidecar(Kind.CLIP, "gate", end_ns - NS, end_ns, open=True))
    archive.close()
    context: Any = WatchedContext(tmp_path, old, MANY)
    options = {
        "folder": str(tmp_path / "record"), "limits": {"free_gb": 0.0}, "model": MODEL,
        "clips": {f"rule-{i}": RULE for i in range(MANY)}, "cameras": Context.cameras,
    }  # fmt: skip
    recorder = Recorder(msgspec.convert(options, RecorderOptions), context)
    recorder.run()
    recorder.close()
    assert context.steps[-1] == 2 * MANY
    assert max(after - before for before, after in pairwise(context.steps)) == 1


class RenewedContext(Context):
    """The line gets another camera as soon as enough is written; so the recorder has to end."""

    def __init__(self, folder: Path, is_enough: Callable[[], bool], *, renews: bool) -> None:
        super().__init__(folder, folder / "end")
        self._is_enough, self._renews = is_enough, renews
        self._end_s = time.monotonic() + PATIENCE_S
        self.recorder: Recorder | None = None

    def is_running(self) -> bool:
        assert time.monotonic() < self._end_s
        if not self._is_enough():
            return True
        if self._renews and self.recorder is not None:
            assert not self.recorder.reconfigure(make_options(self._folder, ("gate", "yard")))
        return False


def make_options(folder: Path, cameras: Sequence[str], **more: Any) -> RecorderOptions:
    options = {
        "folder": str(folder / "record"), "limits": {"free_gb": 0.0}, "model": MODEL,
        "continuous": {"cameras": (), "segment_s": 600.0}, "clips": {"visits": RULE},
        "cameras": cameras,
    }  # fmt: skip
    return msgspec.convert(options | more, RecorderOptions)


def keep(folder: Path, is_enough: Callable[[], bool], *, renews: bool = False, **more: Any) -> None:
    """Run a recorder, with a camera more where another one has been renewed before it."""
    context = RenewedContext(folder, is_enough, renews=renews)
    for_recorder: Any = context
    cameras = ("gate",) if renews else ("gate", "yard")
    recorder = context.recorder = Recorder(make_options(folder, cameras, **more), for_recorder)
    recorder.run()
    recorder.close()


def begin_s_ago(seconds: float) -> int:
    """UNIX time in ns."""
    return time.time_ns() - round(seconds * NS)


def tell(folder: Path, seq: int, kind: EventKind, at_ns: int) -> None:
    """An event of the yard."""
    event = make_event(seq, "gate", kind=kind, region="yard", captured_unix_ns=at_ns)
    with (folder / "events.jsonl").open("ab") as file:
        file.write(msgspec.json.encode(event) + b"\n")


def open_films(folder: Path) -> list[bool]:
    """Of all that are kept."""
    return [item.open for item in Listing(folder / "record").items(Query()).rows if item.open]


def parts(folder: Path, pattern: str) -> list[Sidecar]:
    """Of the films that hold something, in the order of their beginnings."""
    found = (folder / "record").glob(f"gate/*/{pattern}")
    sidecars = [read_sidecar(path) for path in found if path.stat().st_size]
    return sorted((each for each in sidecars if each), key=lambda each: each.begin_unix_ns)


def test_a_recorder_that_begins_anew_with_other_cameras_shows_each_picture_once(
    tmp_path: Path,
) -> None:
    camera = MadeUpCamera(tmp_path / "run", begin_ns=time.time_ns() - 12 * NS)
    camera.send(8)
    keep(tmp_path, lambda: len(parts(tmp_path, "[0-9]*.mp4")) == 1, renews=True)
    camera.send(4)
    keep(tmp_path, lambda: len(parts(tmp_path, "[0-9]*.mp4")) == 2)
    finish_films(tmp_path / "record", PATIENCE_S)
    first, second = parts(tmp_path, "[0-9]*.mp4")
    assert second.gaps == []
    # From the last key frame that is in the first one: a group of pictures at most comes twice.
    assert 0 <= first.end_unix_ns - second.begin_unix_ns < NS
    assert not first.open


def record_in_one(folder: Path) -> None:
    """A process that is killed, whose film is longer than what is sent here."""
    context: Any = Context(folder, folder / "end")
    Recorder(make_options(folder, ("gate",)), context).run()


@pytest.fixture
def film_disk(tmp_path: Path) -> Iterator[Path]:
    """Films of that time are on a file system of their own, and the index is not."""
    camera = tmp_path / "record" / "gate"
    camera.mkdir(parents=True)
    with mounted(camera / day_of(begin_s_ago(SENT_BEFORE_S)), "size=1m") as path:
        yield path


@pytest.mark.parametrize("lost", [False, True])
def test_a_recorder_that_is_killed_while_its_disk_is_full_shows_each_picture_once(
    tmp_path: Path, film_disk: Path, *, lost: bool
) -> None:
    """Its film has ended, and is closed: no open one says where the next one begins."""
    camera = MadeUpCamera(tmp_path / "run", begin_ns=begin_s_ago(SENT_BEFORE_S), ring_bytes=4 << 20)
    camera.send(8)
    with killed_recorder(tmp_path, record_in_one):
        wait_until(lambda: len(parts(tmp_path, "[0-9]*.mp4")) == 1, "it records")
        ballast = fill(film_disk, leave=1 << 16)  # for a sidecar, and not for what comes now
        camera.send(120)
        wait_until(lambda: not open_films(tmp_path), "its film is closed")
    ballast.unlink()
    camera.send(1000 if lost else 2)
    keep(tmp_path, lambda: len(parts(tmp_path, "[0-9]*.mp4")) == 2)
    first, second = parts(tmp_path, "[0-9]*.mp4")
    if lost:
        (gap,) = second.gaps
        assert gap.why == "the recorder was not there"
        assert (gap.begin_unix_ns, gap.end_unix_ns) == (first.end_unix_ns, second.begin_unix_ns)
    else:
        assert second.gaps == []
        # From the last key frame that is in the first one: a group of pictures at most comes twice.
        assert 0 <= first.end_unix_ns - second.begin_unix_ns < NS


def record_clips(folder: Path) -> None:
    """A process that is killed, whose clips are in one part each."""
    context: Any = Context(folder, folder / "end")
    Recorder(make_options(folder, ("gate",), **ONE_PART), context).run()


ONE_PART: dict[str, Any] = {
    "continuous": None,
    "clips": {name: RULE | {"max_s": 600.0} for name in ("visits", "others")},
}


def test_a_clip_whose_film_a_full_disk_has_ended_goes_on_when_its_recorder_is_killed(
    tmp_path: Path, film_disk: Path
) -> None:
    """Of each rule. What was seen meanwhile is in the ring."""
    begin_ns = begin_s_ago(SENT_BEFORE_S)
    camera = MadeUpCamera(tmp_path / "run", begin_ns=begin_ns, ring_bytes=4 << 20)
    camera.send(8)
    tell(tmp_path, 0, "zone_enter", begin_ns + 6 * NS)
    with killed_recorder(tmp_path, record_clips):
        wait_until(lambda: len(parts(tmp_path, "clips/[0-9]*.mp4")) == 2, "they have begun")
        ballast = fill(film_disk, leave=1 << 16)
        camera.send(120)
        wait_until(lambda: not open_films(tmp_path), "they are closed")
    assert len(parts(tmp_path, "clips/[0-9]*.mp4")) == 2
    ballast.unlink()
    tell(tmp_path, 1, "zone_leave", begin_ns + 126 * NS)
    camera.send(4)

    def is_whole() -> bool:
        films = parts(tmp_path, "clips/[0-9]*.mp4")
        return len(films) == 4 and all(film.ended for film in films)

    keep(tmp_path, is_whole, **ONE_PART)
    films = parts(tmp_path, "clips/[0-9]*.mp4")
    for why in ("visits", "others"):
        first, second = (film for film in films if film.why == why)
        assert (first.group, first.part, second.part) == (second.group, 1, 2)
        assert second.gaps == []
        assert 0 <= first.end_unix_ns - second.begin_unix_ns < NS
        assert second.end_unix_ns >= begin_ns + 127 * NS - NS // 5
        assert [event.kind for event in second.events] == ["zone_enter", "zone_leave"]


def test_the_first_film_of_a_run_tells_no_gap_after_those_of_the_run_before(
    tmp_path: Path,
) -> None:
    archive = Archive(tmp_path / "record", Limits())
    begin_ns = begin_s_ago(20)
    path = archive.make_file("gate", Kind.CONTINUOUS, begin_ns - 60 * NS)
    path.write_bytes(b"of the run before")
    archive.put(path, Sidecar(Kind.CONTINUOUS, "gate", begin_ns - 60 * NS, begin_ns - 50 * NS))
    archive.close()
    MadeUpCamera(tmp_path / "run", begin_ns=begin_ns).send(4)
    began_ns = mono_ns(begin_ns - NS)
    keep(tmp_path, lambda: len(parts(tmp_path, "[0-9]*.mp4")) == 2, began_ns=began_ns)
    _, second = parts(tmp_path, "[0-9]*.mp4")
    assert second.begin_unix_ns == begin_ns
    assert second.gaps == []


def test_a_clip_goes_on_when_its_recorder_begins_anew_with_other_cameras(tmp_path: Path) -> None:
    begin_ns = time.time_ns() - 20 * NS
    camera = MadeUpCamera(tmp_path / "run", begin_ns=begin_ns)
    camera.send(8)

    tell(tmp_path, 0, "zone_enter", begin_ns + 6 * NS)
    keep(tmp_path, lambda: len(parts(tmp_path, "clips/*.mp4")) == 1, renews=True)
    camera.send(8)
    tell(tmp_path, 1, "zone_leave", begin_ns + 13 * NS)
    keep(tmp_path, lambda: len(parts(tmp_path, "clips/*.mp4")) == 2)
    finish_films(tmp_path / "record", PATIENCE_S)
    first, second = parts(tmp_path, "clips/*.mp4")
    assert (first.group, first.part, second.part) == (second.group, 1, 2)
    assert second.gaps == []
    assert second.begin_unix_ns <= first.end_unix_ns
    assert second.end_unix_ns >= begin_ns + 14 * NS - NS // 5
    assert [event.kind for event in second.events] == ["zone_enter", "zone_leave"]


def test_a_clip_that_was_asked_for_is_made_by_the_recorder_that_begins_anew(
    tmp_path: Path, said: list[str]
) -> None:
    """The one before it had taken the wish, and had no picture yet."""
    (tmp_path / "run").mkdir()
    turns = iter(range(20))
    archive = Archive(tmp_path / "record", Limits())
    asked_ns = time.time_ns()
    add_wish(archive.index, Wish("gate", asked_ns, 1.0))
    archive.close()
    keep(tmp_path, lambda: next(turns, None) is None, renews=True)
    assert len(said) == 1
    assert "a clip begins without what was before" in said[0]
    MadeUpCamera(tmp_path / "run", begin_ns=asked_ns - 5 * NS).send(8)
    keep(tmp_path, lambda: len(parts(tmp_path, "clips/*.mp4")) == 1)
    finish_films(tmp_path / "record", PATIENCE_S)
    (clip,) = parts(tmp_path, "clips/*.mp4")
    assert (clip.why, clip.part, clip.gaps) == ("asked for", 1, [])
    assert clip.begin_unix_ns < asked_ns
    assert len(said) == 1


def mono_ns(unix_ns: int) -> int:
    """The same time by CLOCK_MONOTONIC."""
    return time.monotonic_ns() - (time.time_ns() - unix_ns)


def switch_on_late(folder: Path) -> int:
    """A camera is recorded for four seconds, then off for 4.5; returns when it is on again."""
    camera = MadeUpCamera(folder / "run", begin_ns=begin_s_ago(30))
    camera.send(4)
    with killed_recorder(folder):
        wait_until(lambda: len(parts(folder, "[0-9]*.mp4")) == 1, "it records")
    camera.send(4.5)
    on_ns = camera.now
    event = make_event(0, "gate", kind="line_cross", captured_unix_ns=on_ns + NS // 2)
    (folder / "events.jsonl").write_bytes(msgspec.json.encode(event) + b"\n")
    camera.send(4)
    return on_ns


def test_a_recorder_that_begins_anew_keeps_nothing_from_before_the_switch(tmp_path: Path) -> None:
    """As where it was killed before the first key frame after it, or before it heard of either."""
    on_ns = switch_on_late(tmp_path)

    def is_enough() -> bool:
        return len(parts(tmp_path, "[0-9]*.mp4")) == 2 and len(parts(tmp_path, "clips/*.mp4")) == 1

    keep(tmp_path, is_enough, recorded_since={"gate": mono_ns(on_ns)})
    finish_films(tmp_path / "record", PATIENCE_S)
    first, second = parts(tmp_path, "[0-9]*.mp4")
    (clip,) = parts(tmp_path, "clips/*.mp4")
    key_ns = on_ns + 5 * NS // FPS  # of the first key frame after the switch
    assert abs(second.begin_unix_ns - key_ns) < NS // FPS
    assert abs(clip.begin_unix_ns - key_ns) < NS // FPS
    (gap,) = second.gaps
    assert gap.why == "recording was switched off"
    assert (gap.begin_unix_ns, gap.end_unix_ns) == (first.end_unix_ns, second.begin_unix_ns)


def test_a_recorder_that_was_killed_while_it_was_off_tells_the_gap(tmp_path: Path) -> None:
    switch_on_late(tmp_path)

    def keeps() -> bool:
        return len(parts(tmp_path, "[0-9]*.mp4")) == 2

    class Switched(RenewedContext):
        def is_running(self) -> bool:
            if self.recorder is not None and not self.turns:
                assert self.recorder.reconfigure(make_options(tmp_path, ("gate",)))
                camera.send(4)
            self.turns -= 1
            return super().is_running()

        turns = 3

    camera = MadeUpCamera(tmp_path / "run", begin_ns=time.time_ns())
    context: Any = Switched(tmp_path, keeps, renews=False)
    options = make_options(tmp_path, ("gate",), paused=("gate",))
    recorder = context.recorder = Recorder(options, context)
    recorder.run()
    recorder.close()
    first, second = parts(tmp_path, "[0-9]*.mp4")
    (gap,) = second.gaps
    assert gap.why == "recording was switched off"
    assert (gap.begin_unix_ns, gap.end_unix_ns) == (first.end_unix_ns, second.begin_unix_ns)


def test_a_switch_off_and_on_that_a_recorder_sees_at_once_leaves_out_what_was_between(
    tmp_path: Path,
) -> None:
    camera = MadeUpCamera(tmp_path / "run", begin_ns=begin_s_ago(8))
    camera.send(4)
    told: list[int] = []

    class Switched(RenewedContext):
        def is_running(self) -> bool:
            if not told and self.recorder is not None and parts(tmp_path, "[0-9]*.mp4"):
                camera.send(4)
                told.append(time.time_ns())
                since = {"gate": mono_ns(told[0])}
                options = make_options(tmp_path, ("gate",), recorded_since=since)
                assert self.recorder.reconfigure(options)
                camera.send(20)
            return super().is_running()

    context: Any = Switched(tmp_path, lambda: len(parts(tmp_path, "[0-9]*.mp4")) == 2, renews=False)
    recorder = context.recorder = Recorder(make_options(tmp_path, ("gate",)), context)
    recorder.run()
    recorder.close()
    first, second = parts(tmp_path, "[0-9]*.mp4")
    assert first.end_unix_ns == camera.at(4 * FPS - 1)
    assert second.begin_unix_ns >= told[0]
    assert [gap.why for gap in second.gaps] == ["recording was switched off"]


def test_no_picture_is_kept_of_a_result_that_comes_after_the_switch(tmp_path: Path) -> None:
    """Its frame was captured before, while recording was off."""
    camera = MadeUpCamera(tmp_path / "run", begin_ns=begin_s_ago(10))
    results = [
        camera.result(number, Detection("person", 0, score, BOX, track_id=7 + number))
        for number, score in ((4, 0.9), (5, 0.8))
    ]

    class Late(Context):
        def messages(self) -> Iterator[DetectionMessage]:  # type: ignore[override]
            yield from results

    context: Any = Late(tmp_path, tmp_path / "end")
    context.frames = Frames()
    since = {"gate": mono_ns(results[1].captured_unix_ns - NS // 1000)}
    options = make_options(tmp_path, ("gate",), recorded_since=since, snapshots=PLAIN)
    running = iter((True, False))
    context.is_running = lambda: next(running, False)
    recorder = Recorder(options, context)
    recorder.run()
    recorder.close()
    (kept,) = (tmp_path / "record").glob("gate/*/snapshots/*.json")
    sidecar = read_sidecar(kept.with_suffix(".jpg"))
    assert sidecar is not None
    assert sidecar.begin_unix_ns == results[1].captured_unix_ns
