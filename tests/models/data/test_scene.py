"""Drawn streets as training data."""

from pathlib import Path

import numpy as np
import pytest

from models.data.scene import SceneConfig, labelled_boxes, load_scene, make_street
from models.thundernet.config import LABELS
from models.thundernet.ground_truth import IGNORE, PADDING
from stages.scene.street import SceneObject

pytestmark = pytest.mark.torch

CONFIG = SceneConfig(streets=2, frames=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scene")


def test_frames_are_labelled_exhaustively_and_repeat(folder: Path) -> None:
    samples = load_scene(CONFIG, LABELS, folder, 64)
    assert len(samples) == 4
    assert samples.labelled.all()
    assert samples.present.all()
    assert (samples.labels > 0).any()
    assert samples.boxes.min() >= 0
    assert samples.boxes.max() <= 1
    again = load_scene(CONFIG, LABELS, folder, 64)  # from the cache
    assert np.array_equal(again.boxes, samples.boxes)
    assert np.array_equal(again.images, samples.images)


def test_boxes_surround_what_is_drawn(folder: Path) -> None:
    """Inside the boxes two frames of a street differ more than outside: actors move."""
    samples = load_scene(CONFIG, LABELS, folder, 64)
    first, second = samples.images[:2].astype(int)
    changed = np.abs(first - second).max(axis=0)  # (64, 64)
    inside = np.zeros((64, 64), bool)
    for row in (0, 1):
        for box, label in zip(samples.boxes[row], samples.labels[row], strict=True):
            if label != PADDING:
                x1, y1, x2, y2 = np.round(box * 64).astype(int)
                inside[y1:y2, x1:x2] = True
    assert changed[inside].mean() > 2 * changed[~inside].mean()


@pytest.mark.parametrize(
    ("label", "visible", "expected"),
    [
        ("car", 1.0, LABELS.index("car") + 1),
        ("car", 0.1, IGNORE),  # almost hidden
        ("tram", 1.0, IGNORE),  # not one of the network's classes
    ],
)
def test_labels_of_scene_objects(label: str, visible: float, expected: int) -> None:
    street = make_street(CONFIG, 0)
    wh = (street.options.width, street.options.height)
    seen = SceneObject(label, (0.0, 0.0, wh[0] / 2, wh[1] / 4), visible, 1)
    (box,) = labelled_boxes([seen], LABELS, street)
    assert box.label == expected
    assert box.xyxy == (0.0, 0.0, 0.5, 0.25)
