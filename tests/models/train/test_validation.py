"""Validation against a network whose answers are known: the truth itself, and nothing."""

from pathlib import Path

import numpy as np
import pytest
import torch

from models.data.annotated_samples import load_samples
from models.data.report import DataReport
from models.data.samples import Samples
from models.data.street11 import read_street11
from models.evaluate.evaluation_set import EvaluationSet, make_evaluation_set
from models.thundernet.config import LABELS, ThunderNetConfig
from models.thundernet.inference import ImageDetections, detect, select_per_class
from models.thundernet.thundernet import ThunderNet
from models.train import validation
from tests.models.tiny_street11 import write_split

pytestmark = pytest.mark.torch

SIZE = 64


@pytest.fixture
def validation_set(tmp_path: Path) -> tuple[Samples, EvaluationSet]:
    write_split(tmp_path, "val", 6)
    found = read_street11(tmp_path, "val", DataReport())
    samples = load_samples(found, LABELS, tmp_path / "cache", SIZE, DataReport())
    return samples, make_evaluation_set(found)


def perfect(samples: Samples, row: int) -> ImageDetections:
    objects = samples.labels[row] > 0
    boxes = samples.boxes[row][objects] * SIZE
    return ImageDetections(boxes, np.ones(len(boxes)), samples.labels[row][objects])


def test_the_truth_scores_100(
    validation_set: tuple[Samples, EvaluationSet], monkeypatch: pytest.MonkeyPatch
) -> None:
    samples, truth = validation_set
    answers = iter([[perfect(samples, row) for row in range(6)]])
    monkeypatch.setattr(validation, "detect", lambda *_: next(answers))
    scores = validation.validate(ThunderNet(ThunderNetConfig()), samples, truth)
    assert scores == pytest.approx(
        {"ap50": 100.0, "ap": 100.0, "ap50/left": 100.0, "ap50/right": 100.0}
    )


def test_nothing_scores_0(
    validation_set: tuple[Samples, EvaluationSet], monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = ImageDetections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, int))
    monkeypatch.setattr(validation, "detect", lambda *_: [nothing] * 6)
    scores = validation.validate(ThunderNet(ThunderNetConfig()), *validation_set)
    assert set(scores.values()) == {0.0}


def test_detections_lie_inside_the_image_above_the_threshold() -> None:
    torch.manual_seed(0)
    model = ThunderNet(ThunderNetConfig()).eval()
    images = torch.randint(0, 256, (2, 3, SIZE, SIZE), dtype=torch.uint8)
    found = detect(model, images, score_thresh=0.05)
    assert len(found) == 2
    for image in found:
        assert len(image.boxes) == len(image.scores) == len(image.classes) > 0
        assert image.boxes.min() >= 0
        assert image.boxes.max() <= SIZE
        assert image.scores.min() >= 0.05
        assert set(image.classes) <= set(range(1, 12))


def test_every_class_is_suppressed_by_its_own_boxes() -> None:
    # RoI 0 and 1 share their box of class 1 alone, so that class keeps the better of them.
    shared, elsewhere = [0.0, 0.0, 20.0, 20.0], [40.0, 40.0, 60.0, 60.0]
    boxes = torch.tensor([[[shared, shared], [shared, elsewhere]]])  # (1, R, K, 4)
    scores = torch.tensor([[[0.6, 0.9], [0.8, 0.7]]])  # (1, K, R)
    rows = select_per_class(boxes, scores, 0.1).tolist()
    assert sorted(rows) == [[0, 0, 1], [0, 1, 0], [0, 1, 1]]


def test_detections_carry_the_box_of_their_class() -> None:
    torch.manual_seed(0)
    model = ThunderNet(ThunderNetConfig(class_specific_boxes=True, labels=("dog", "cat"))).eval()
    model.roi_head.box.weight.data.zero_()
    model.roi_head.box.bias.data.copy_(torch.tensor([0.0, 0, 0, 0, 0, 0, -90, -90]))
    images = torch.randint(0, 256, (2, 3, SIZE, SIZE), dtype=torch.uint8)
    found = detect(model, images, score_thresh=0.05)
    for image in found:
        sides = (image.boxes[:, 2:] - image.boxes[:, :2]).max(axis=1)
        assert sides[image.classes == 1].min() >= 1  # the RoI itself
        assert sides[image.classes == 2].max() < 1e-3  # exp(-18) of it
