"""Frames of a film are counted by what they show."""

from pathlib import Path

import numpy as np
import pytest

from models.data.image_files import BgrImage
from models.data.report import DataError
from models.evaluate.clip import count_frames, format_counts
from stages.kernels.detections import Detections
from tests.models.tiny_film import write_film

pytestmark = pytest.mark.torch

LABELS = ("person", "car", "cat", "kite")
SHOWN = {250: (0,), 200: (0, 2), 150: (2, 2), 100: (3,), 0: ()}  # grey value: classes


def detect(frame: BgrImage) -> Detections:
    """What a frame of such a film shows."""
    value = min(SHOWN, key=lambda value: abs(value - int(frame.mean())))
    class_ids = np.array(SHOWN[value], np.int32)
    count = len(class_ids)
    return Detections(np.zeros((count, 4), np.float32), np.ones(count, np.float32), class_ids)


def test_a_frame_counts_once_for_everything_that_it_shows(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.avi", [250, 250, 200, 150, 100, 0, 0, 250])
    counts = count_frames(film, detect, LABELS)
    assert counts.frames == 8
    assert counts.empty == 2
    assert counts.labels == {"person": 4, "cat": 2, "kite": 1}
    assert counts.groups == {"persons": 4, "vehicles": 0, "animals": 2}
    assert format_counts(counts) == "8 frames, of which show: person 4, cat 2, kite 1, nothing 2"


def test_groups_that_a_model_does_not_know_are_left_out(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.avi", [250, 0])
    assert count_frames(film, detect, ("helmet",)).groups == {}


def test_what_is_no_film_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a film, found no such file"):
        count_frames(tmp_path / "none.mp4", detect, LABELS)
    (tmp_path / "text.mp4").write_text("no film")
    with pytest.raises(DataError, match="expected a film with at least one frame, found none"):
        count_frames(tmp_path / "text.mp4", detect, LABELS)
