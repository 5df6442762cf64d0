"""Continuous recording: every picture once, whatever ends on the way."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import msgspec
import pytest

from stages.services.archive.archive import Archive
from stages.services.archive.layout import NS, Kind
from stages.services.archive.listing import Listing, Query
from stages.services.archive.retention import Limits
from stages.services.archive.sidecar import Sidecar, read_sidecar
from stages.services.recorder.continuous import Continuous
from stages.services.recorder.film import Film
from stages.services.recorder.finisher import Finisher
from stages.services.recorder.resume import find_left
from stages.services.recorder.unfinished import Unfinished
from tests.running_line import wait_until
from tests.stages.services.recorder.camera import FPS, MadeUpCamera, grey, greys


@contextmanager
def refused(code: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is written of films is refused with this error, and each turn tries again."""

    def refuse(film: Film) -> None:
        raise OSError(code, os.strerror(code), str(film.path))

    with monkeypatch.context() as patch:
        patch.setattr(Film, "flush", refuse)
        patch.setattr("stages.services.recorder.reel._TRY_S", 0.0)
        yield


class Room:
    """A recorder of one camera."""

    def __init__(self, folder: Path, camera: MadeUpCamera, segment_s: float = 10.0) -> None:
        self.free = 1 << 40
        self.archive = Archive(folder, Limits(free_gb=0), free_bytes=lambda: self.free)
        while not self.archive.is_complete:
            self.archive.take_turn()
        self.finisher = Finisher()
        packets: Any = camera
        self.continuous = Continuous("gate", segment_s, packets, self.archive, self.finisher)

    def end(self) -> None:
        self.continuous.end()
        self.finish()

    def finish(self) -> None:
        def done() -> bool:
            for path, sidecar in self.finisher.take():
                sidecar.open = False
                self.archive.put(path, sidecar)
            return self.finisher.is_idle

        wait_until(done, "the films are finished")


@pytest.fixture
def camera(tmp_path: Path) -> MadeUpCamera:
    return MadeUpCamera(tmp_path / "run")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "record"


def films(folder: Path) -> list[Path]:
    return sorted(folder.rglob("[0-9]*Z*.mp4"))  # without those that are finished just now


def sidecar_of(path: Path) -> Sidecar:
    sidecar = read_sidecar(path)
    assert sidecar is not None
    return sidecar


def boxes(path: Path) -> Iterator[str]:
    """Names of the boxes at the top of a file."""
    data = path.read_bytes()
    at = 0
    while at < len(data):
        yield data[at + 4 : at + 8].decode()
        at += int.from_bytes(data[at : at + 4])


def assert_shows(paths: list[Path], first: int, count: int) -> None:
    """The pictures of so many numbers, each once, over all files."""
    shown = [level for path in paths for level in greys(path)]
    wanted = [grey(number) for number in range(first, first + count)]
    assert len(shown) == len(wanted)
    assert all(abs(a - b) <= 2 for a, b in zip(shown, wanted, strict=True))


def test_segments_follow_one_another_without_a_gap(camera: MadeUpCamera, folder: Path) -> None:
    room = Room(folder, camera)
    for _ in range(35):
        camera.send(1)
        room.continuous.take_turn()
    room.end()
    found = films(folder)
    assert [path.name for path in found] == [f"12-00-{s}Z.mp4" for s in ("00", "10", "20", "30")]
    assert_shows(found, 0, 35 * FPS)
    for path in found:
        sidecar = sidecar_of(path)
        assert (sidecar.gaps, sidecar.open, sidecar.codec) == ([], False, "h264")
        assert list(boxes(path)) == ["ftyp", "moov", "free", "mdat"]  # the index in front
    assert [item.open for item in Listing(folder).items(Query()).rows] == 4 * [False]


def test_an_open_film_plays_and_loses_a_second_at_most(camera: MadeUpCamera, folder: Path) -> None:
    room = Room(folder, camera)
    for seconds in range(1, 8):
        camera.send(1)
        room.continuous.take_turn()
        (path,) = films(folder)
        assert len(greys(path)) == seconds * FPS
    assert room.archive.index.open_items()


def test_a_successor_goes_on_where_its_predecessor_was_killed(
    camera: MadeUpCamera, folder: Path
) -> None:
    room = Room(folder, camera)
    camera.send(13.5)
    room.continuous.take_turn()
    first, second = films(folder)
    with second.open("ab") as file:
        file.write(b"\0\0\1\0moof")  # half of a fragment
    camera.send(4)
    room = Room(folder, camera)
    left = find_left(room.archive)
    for _, sidecar, _ in left:
        room.continuous.continue_after(sidecar.end_unix_ns)
    unfinished = Unfinished(room.archive, room.finisher)
    unfinished.put(left)
    unfinished.take_turn()
    camera.send(3)
    room.end()
    room.finish()
    found = films(folder)
    assert len(found) == 3
    assert len(greys(first)) == 10 * FPS
    # From the last key frame before: nothing is missing, less than a group is there twice.
    assert_shows([first, second], 0, 135)
    assert_shows(found[2:], 130, 75)
    assert sidecar_of(found[2]).gaps == []
    assert room.archive.index.open_items() == []
    assert "ends with the process" in sidecar_of(second).notes[0]


def test_what_the_ring_does_not_hold_any_more_is_a_gap(tmp_path: Path, folder: Path) -> None:
    camera = MadeUpCamera(tmp_path / "run", ring_bytes=8192)
    room = Room(folder, camera)
    camera.send(2)
    room.continuous.take_turn()
    camera.send(120)
    room.continuous.take_turn()
    room.end()
    first, second = films(folder)
    (gap,) = sidecar_of(second).gaps
    assert gap.begin_unix_ns == sidecar_of(first).end_unix_ns
    assert gap.end_unix_ns == sidecar_of(second).begin_unix_ns
    assert gap.why == "packets are missing"
    assert greys(second)


def test_silence_and_another_stream_cut_the_film_and_are_told(
    camera: MadeUpCamera, folder: Path
) -> None:
    room = Room(folder, camera)
    camera.send(2)
    room.continuous.take_turn()
    camera.be_silent(20)
    camera.send(2)
    room.continuous.take_turn()
    camera.be_silent(5)
    camera.reconnect()
    camera.send(2)
    room.continuous.take_turn()
    room.end()
    found = films(folder)
    assert_shows(found, 0, 6 * FPS)
    assert [[gap.why for gap in sidecar_of(path).gaps] for path in found] == [
        [], ["the camera sent nothing"], ["the camera began another stream"],
    ]  # fmt: skip
    gap = sidecar_of(found[1]).gaps[0]
    assert gap.end_unix_ns - gap.begin_unix_ns == pytest.approx(20.1 * NS, abs=NS // 1000)


def test_a_full_disk_is_one_error_and_recording_goes_on_with_the_gap_told(
    camera: MadeUpCamera, folder: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Room(folder, camera)
    camera.send(5)
    room.continuous.take_turn()
    room.free = 0
    with refused(errno.ENOSPC, monkeypatch):
        for _ in range(5):
            camera.send(1)
            room.continuous.take_turn()
    assert len(said) == 1
    assert "recording stops: No space left on device" in said[0]
    room.free = 1 << 40
    camera.send(2)
    room.continuous.take_turn()
    room.end()
    first, second = films(folder)
    assert_shows([first], 0, 5 * FPS)
    (gap,) = sidecar_of(second).gaps
    assert gap.why == "the disk: No space left on device"
    assert gap.begin_unix_ns == camera.at(5 * FPS - 1)
    assert len(said) == 1


def test_the_gap_of_a_full_disk_begins_where_the_last_film_ends_however_often_it_is_tried(
    camera: MadeUpCamera, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a quota is used up: the file system has room."""
    room = Room(folder, camera)
    camera.send(5)
    room.continuous.take_turn()
    with refused(errno.EDQUOT, monkeypatch):
        for _ in range(5):
            camera.send(1)
            room.continuous.take_turn()
    camera.send(2)
    room.end()
    _, second = films(folder)
    (gap,) = sidecar_of(second).gaps
    assert gap.begin_unix_ns == camera.at(5 * FPS - 1)
    assert gap.why == "the disk: Disk quota exceeded"


def test_a_film_whose_state_cannot_be_written_ends_there_and_is_finished(
    camera: MadeUpCamera, folder: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    """The next one tells the gap from its end on."""
    monkeypatch.setattr("stages.services.recorder.reel._TRY_S", 0.0)
    monkeypatch.setattr("stages.services.recorder.reel._TELL_S", 0.0)
    room = Room(folder, camera)
    camera.send(3)
    room.continuous.take_turn()
    (first,) = films(folder)
    draft = first.with_name(f".{first.stem}.json")
    draft.mkdir()  # in the way of the next sidecar
    camera.send(1)
    room.continuous.take_turn()
    camera.send(2)
    room.continuous.take_turn()
    draft.rmdir()
    room.end()
    found = films(folder)
    assert found[0] == first
    assert_shows(found, 0, 6 * FPS)
    assert [sidecar_of(path).gaps for path in found] == [[], []]
    assert [sidecar_of(path).open for path in found] == [False, False]
    assert len(said) == 1


def test_a_folder_that_cannot_be_written_is_one_error_however_often_it_is_tried(
    camera: MadeUpCamera, folder: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Room(folder, camera)
    camera.send(1)
    room.continuous.take_turn()
    with refused(errno.EROFS, monkeypatch):
        for _ in range(5):
            camera.send(1)
            room.continuous.take_turn()
    assert said == [
        "gate: recording stops: Read-only file system: it goes on when it can be written"
    ]
    camera.send(1)
    room.continuous.take_turn()
    with refused(errno.EROFS, monkeypatch):
        camera.send(1)
        room.continuous.take_turn()
    assert len(said) == 2, "another time"


def test_a_film_that_somebody_removes_is_told_and_followed_by_another(
    camera: MadeUpCamera, folder: Path, said: list[str]
) -> None:
    room = Room(folder, camera)
    camera.send(3)
    room.continuous.take_turn()
    (removed,) = films(folder)
    shutil.rmtree(folder / "gate")
    for _ in range(3):
        camera.send(1)
        room.continuous.take_turn()
    room.end()
    assert said == [f"{removed}: removed while it is being written: another film follows"]
    (film,) = films(folder)
    assert_shows([film], 4 * FPS, 2 * FPS)
    (gap,) = sidecar_of(film).gaps
    assert (gap.begin_unix_ns, gap.end_unix_ns) == (camera.at(0), camera.at(4 * FPS))
    assert gap.why == "the film was removed while it was written"
    rows = Listing(folder).items(Query()).rows
    assert [item.path for item in rows] == [str(film.relative_to(folder))]


def test_the_oldest_files_make_room_for_new_ones(
    camera: MadeUpCamera, folder: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    room = Room(folder, camera)
    for _ in range(30):
        camera.send(1)
        room.continuous.take_turn()
    room.finish()
    oldest, *others = films(folder)
    flush = Film.flush

    def full_while_it_is_there(self: Film) -> None:
        if oldest.exists():
            room.free = 0
            monkeypatch.setattr(room, "free", 0)
            raise OSError(28, "No space left on device", str(self.path))
        flush(self)

    monkeypatch.setattr(Film, "flush", full_while_it_is_there)
    room.archive.retention._free_bytes = lambda: 0 if oldest.exists() else 1 << 40
    camera.send(1)
    room.continuous.take_turn()
    room.end()
    assert films(folder)[: len(others)] == others
    assert said == []


def test_a_stream_of_which_no_film_can_be_made_is_told_once(
    tmp_path: Path, folder: Path, said: list[str]
) -> None:
    camera = MadeUpCamera(tmp_path / "run")
    camera._track = msgspec.structs.replace(camera._track, extradata=b"nothing", width=1)
    camera._ring.begin((camera._track,))
    room = Room(folder, camera)
    for _ in range(5):
        camera.send(1)
        room.continuous.take_turn()
    assert len(said) == 1
    assert "cannot be recorded" in said[0]
    assert films(folder) == []


def test_every_film_can_be_sought(camera: MadeUpCamera, folder: Path) -> None:
    room = Room(folder, camera)
    camera.send(9)
    room.end()
    (path,) = films(folder)
    opened: Any = av.open(str(path))
    with opened as film:
        film.seek(round(5.05 * av.time_base))
        frame = next(film.decode(video=0))
    assert frame.time == pytest.approx(5.0)
    assert abs(frame.to_ndarray(format="gray").mean() - grey(50)) <= 2
    assert sidecar_of(path).kind is Kind.CONTINUOUS
    assert os.stat(path).st_size > 0


def test_what_comes_while_recording_is_switched_off_is_a_gap(
    folder: Path, camera: MadeUpCamera
) -> None:
    room = Room(folder, camera)
    camera.send(4)
    room.continuous.take_turn()
    room.continuous.pause(camera.now)
    camera.send(5)
    room.continuous.resume(camera.now)
    camera.send(3)
    room.end()
    first, second = films(folder)
    assert greys(first) == pytest.approx([grey(n) for n in range(40)], abs=2)
    assert greys(second) == pytest.approx([grey(n) for n in range(90, 120)], abs=2)
    (gap,) = sidecar_of(second).gaps
    assert gap.why == "recording was switched off"
    assert (gap.end_unix_ns - gap.begin_unix_ns) / NS == pytest.approx(5.0, abs=0.2)


def test_a_clock_that_is_set_back_after_a_switch_stops_no_recording(
    folder: Path, camera: MadeUpCamera
) -> None:
    room = Room(folder, camera)
    room.continuous.pause(camera.now)
    room.continuous.resume(camera.now)
    camera.send(3)
    room.continuous.take_turn()
    camera.set_clock(-3600.0)
    camera.send(3)
    room.end()
    assert_shows(films(folder), 0, 6 * FPS)


@pytest.mark.parametrize("step_s", [-3600.0, 3600.0])
def test_a_clock_that_is_set_is_no_gap(camera: MadeUpCamera, folder: Path, step_s: float) -> None:
    room = Room(folder, camera)
    camera.send(10)  # the next picture begins another file
    room.continuous.take_turn()
    camera.set_clock(step_s)
    camera.send(4)
    room.end()
    found = sorted(films(folder), key=lambda path: path.stat().st_mtime_ns)
    assert_shows(found, 0, 14 * FPS)
    assert [sidecar_of(path).gaps for path in found] == [[], []]
    begins = [sidecar_of(path).begin_unix_ns for path in found]
    assert begins[1] - begins[0] == round((10 + step_s) * NS)
