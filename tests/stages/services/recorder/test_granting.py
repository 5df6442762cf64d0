"""What somebody asks for by hand is in a clip, or told as lost, whatever ends the recorder."""

import errno
import os
import sqlite3
from pathlib import Path

import pytest

from stages.services.archive.index import Index
from stages.services.archive.layout import NS, iso_utc
from stages.services.archive.wishes import ALL, Wish, add_wish
from stages.services.recorder.film import Film
from stages.services.recorder.granting import Granting
from tests.stages.services.recorder.camera import MadeUpCamera
from tests.stages.services.recorder.test_clips import Room, shows


class Granter(Room):
    """A room in which wishes are looked for, as the recorder does it. Its camera is `gate`."""

    def __init__(self, folder: Path, camera: MadeUpCamera) -> None:
        super().__init__(folder, camera)
        self.granting = Granting(self.archive, self.clips, ["gate"])

    def ask(self, camera: str = "gate", seconds: float = 2.0) -> Wish:
        wish = Wish(camera, self.camera.now, seconds)
        add_wish(self.archive.index, wish)
        return wish

    def take_turn(self, *present: str) -> None:
        self.granting.begin(present or ("gate",))
        self.clips.take_turn(self.camera.now)
        self.granting.drop()

    def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds * 2)):
            self.camera.send(0.5)
            self.take_turn()


@pytest.fixture
def camera(tmp_path: Path) -> MadeUpCamera:
    return MadeUpCamera(tmp_path / "run")


@pytest.fixture
def room(tmp_path: Path, camera: MadeUpCamera) -> Granter:
    return Granter(tmp_path / "record", camera)


@pytest.mark.parametrize("ends", ["killed", "begins anew"])
def test_a_clip_without_a_picture_is_made_by_a_successor(room: Granter, ends: str) -> None:
    wish = room.ask()
    room.take_turn()  # the camera has sent nothing yet
    assert room.archive.wishes() == [wish]
    if ends == "begins anew":
        room.clips.end(goes_on=True)
    successor = Granter(room.folder, room.camera)
    successor.pass_time(6)
    ((path, clip),) = successor.films()
    assert (clip.why, clip.part) == ("asked for", 1)
    assert shows(path, 0, 20)
    assert successor.archive.wishes() == []


def test_a_clip_whose_pictures_are_kept_is_begun_once(room: Granter, said: list[str]) -> None:
    """Its process was killed before it had dropped the wish."""
    room.camera.send(6)
    wish = room.ask()
    room.take_turn()
    assert room.archive.wishes() == []
    add_wish(room.archive.index, wish)
    (group,) = (clip.group for clip in room.clips._clips)
    successor = Granter(room.folder, room.camera)
    successor.granting.begin(("gate",), {group})
    assert successor.clips.asked == frozenset()
    successor.granting.drop()
    assert successor.archive.wishes() == []
    assert said == []


def test_a_wish_that_cannot_be_dropped_is_granted_once(
    room: Granter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(index: Index) -> Index:
        raise sqlite3.OperationalError("database or disk is full")

    room.camera.send(6)
    wish = room.ask()
    with monkeypatch.context() as patch:
        patch.setattr("stages.services.archive.archive.drop_wishes", lambda index, _: refuse(index))
        room.pass_time(5)
        assert room.archive.wishes() == [wish]
        room.pass_time(2)
    room.take_turn()
    assert room.archive.wishes() == []
    assert len(room.films()) == 1


def test_a_clip_of_a_time_that_nobody_has_kept_is_one_error(room: Granter, said: list[str]) -> None:
    """Asked for while the recorder was dead, or before the line was started."""
    wish = room.ask()
    room.camera.be_silent(60)
    room.pass_time(2)
    when = iso_utc(wish.at_ns)
    assert said == [
        f"gate: asked for: no clip of {when}: no picture of that time has come, or is kept"
    ]
    assert room.archive.wishes() == []


def test_a_clip_that_found_no_room_until_its_end_is_told_with_the_reason(
    room: Granter, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Film) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))

    monkeypatch.setattr(Film, "flush", refuse)
    monkeypatch.setattr(room.archive, "make_room", lambda wanted: False)
    room.camera.send(6)
    wish = room.ask()
    room.take_turn()
    assert room.archive.wishes() == [wish]
    room.pass_time(5)
    assert said == [
        "gate: recording stops: No space left on device: it goes on when there is room",
        f"gate: asked for: no clip of {iso_utc(wish.at_ns)}: the disk: No space left on device",
    ]
    assert room.archive.wishes() == []


def test_a_clip_that_is_not_begun_when_the_line_stops_is_told(
    room: Granter, said: list[str]
) -> None:
    wishes = [room.ask(), room.ask(ALL, 3.0)]
    room.take_turn()
    said.clear()
    room.clips.end()
    room.granting.drop()
    when = iso_utc(wishes[0].at_ns)
    assert said == [f"gate: asked for: no clip of {when}, and 1 more: the line stops"]
    assert room.archive.wishes() == []


def test_a_camera_that_has_left_is_told_and_one_that_has_just_come_waits(
    room: Granter, said: list[str]
) -> None:
    """With one that has come the recorder begins anew."""
    room.ask("left")
    wish = room.ask("came")
    room.take_turn("gate", "came")
    assert said == ["left: no clip, as the line has no such camera"]
    assert room.archive.wishes() == [wish]


def test_a_clip_of_each_camera_is_made_by_a_successor_where_it_is_missing(
    room: Granter, tmp_path: Path
) -> None:
    wish = room.ask(ALL)
    room.take_turn()
    successor = Granter(room.folder, room.camera)
    successor.camera.send(3)
    successor.granting.begin(("gate",), {f"yard-{iso_utc(wish.at_ns)}"})
    assert successor.clips.asked == {"gate"}
    successor.pass_time(3)
    ((_, clip),) = successor.films()
    assert clip.end_unix_ns - clip.begin_unix_ns >= 2 * NS - NS // 5
