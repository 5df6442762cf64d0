"""The best picture of each track, kept when the track has ended."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.client import Detection
from pipeline.service import FrameCopy
from pipeline.source import PtsOrigin
from stages.kernels.picture import bgr_format
from stages.services.archive.archive import Archive
from stages.services.archive.retention import Limits
from stages.services.archive.sidecar import read_sidecar
from stages.services.recorder.snapshots import SnapshotOptions, Snapshots
from stages.slot import Slot, SlotShape
from tests.stages.services.archive.files import make_event
from tests.stages.services.recorder.camera import MODEL, MadeUpCamera, grey

PLAIN = SnapshotOptions((), (), 0.0, annotated=False, crop=False)
BOX = (20.0, 10.0, 40.0, 40.0)
SHAPE = SlotShape(network_wh=(32, 32), max_rois=1, classes=1, canvas=False)


class Frames:
    """As `FrameView`: frames of 64x48 that have the grey of their number; some are gone."""

    def __init__(self) -> None:
        self.gone = set[int]()

    def copy_frame(self, _camera: str, frame_id: int, _areas: object) -> FrameCopy | None:
        if frame_id in self.gone:
            return None
        form = bgr_format(64, 48)
        areas = {name: np.zeros(area.shape, area.dtype) for name, area in SHAPE.areas(form).items()}
        Slot(areas).write_format(form, PtsOrigin.STREAM).bgr[:] = grey(frame_id)
        return FrameCopy(1, frame_id, areas)


class Room:
    """A keeper of snapshots."""

    def __init__(self, folder: Path, options: SnapshotOptions = PLAIN) -> None:
        self.folder = folder
        self.camera = MadeUpCamera(folder / "run")
        self.frames = Frames()
        frames: Any = self.frames
        archive = Archive(folder / "record", Limits(free_gb=0))
        self.snapshots = Snapshots(options, frames, archive, MODEL)

    def see(self, number: int, *scores: float, label: str = "person") -> None:
        """One frame with a track for each score, numbered from 7 on."""
        found = [Detection(label, 0, score, BOX, 7 + i) for i, score in enumerate(scores)]
        self.snapshots.see(self.camera.result(number, *found))

    def end(self, track_id: int = 7) -> None:
        self.snapshots.hear(make_event(self.camera.at(99), 0, kind="track_end", track_id=track_id))

    def images(self) -> list[Path]:
        return sorted(self.folder.rglob("snapshots/*.jpg"))


def level(path: Path) -> float:
    image = cv2.imread(str(path))
    assert image is not None
    return float(image.mean())


def test_the_picture_with_the_best_score_is_kept_when_the_track_ends(tmp_path: Path) -> None:
    room = Room(tmp_path)
    for number, score in enumerate((0.5, 0.6, 0.7, 0.95, 0.8, 0.7, 0.951)):
        room.see(number * 5, score)
    assert room.images() == []
    room.end()
    (path,) = room.images()
    assert abs(level(path) - grey(15)) <= 2
    sidecar = read_sidecar(path)
    assert sidecar is not None
    assert sidecar.events[0].kind == "track_end"
    assert sidecar.boxes[0].seen[0].score == 0.95
    assert sidecar.begin_unix_ns == room.camera.at(15)
    room.end()
    assert len(room.images()) == 1


def test_a_frame_that_is_gone_is_left_to_a_later_one(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.frames.gone = {10}
    room.see(0, 0.5)
    room.see(10, 0.9)
    room.see(20, 0.8)
    room.end()
    (path,) = room.images()
    assert abs(level(path) - grey(20)) <= 2


@pytest.mark.parametrize(
    ("options", "shape", "is_drawn"),
    [
        (PLAIN, (48, 64, 3), False),
        (SnapshotOptions((), (), 0.0, annotated=True, crop=False), (48, 64, 3), True),
        (SnapshotOptions((), (), 0.0, annotated=False, crop=True), (42, 28, 3), False),
    ],
)
def test_pictures_are_whole_or_cut_with_a_box_or_without(
    tmp_path: Path, options: SnapshotOptions, shape: tuple[int, ...], is_drawn: bool
) -> None:
    room = Room(tmp_path, options)
    room.see(0, 0.9)
    room.end()
    image = cv2.imread(str(room.images()[0]))
    assert image is not None
    assert image.shape == shape
    assert (np.ptp(image) > 30) == is_drawn


def test_only_what_is_asked_for_is_kept_and_the_end_of_the_line_is_one(tmp_path: Path) -> None:
    room = Room(tmp_path, SnapshotOptions(("gate",), ("car",), 0.6, annotated=False, crop=False))
    room.see(0, 0.9, label="person")
    room.see(1, 0.5, 0.7, label="car")
    room.snapshots.end()
    (path,) = room.images()
    sidecar = read_sidecar(path)
    assert sidecar is not None
    assert sidecar.boxes[0].seen[0].track_id == 8
    assert sidecar.events == []
