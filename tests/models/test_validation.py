"""Validation against a network whose answers are known: the truth itself, and nothing."""

from pathlib import Path

import numpy as np
import pytest
import torch

from models import validation
from models.data.report import DataReport
from models.data.samples import Samples
from models.data.street11 import load_street11
from models.evaluation_set import EvaluationSet, read_evaluation_set
from models.thundernet.config import LABELS, ThunderNetConfig
from models.thundernet.inference import ImageDetections, detect
from models.thundernet.thundernet import ThunderNet
from tests.models.tiny_street11 import write_split

pytestmark = pytest.mark.torch

SIZE = 64


@pytest.fixture
def judged(tmp_path: Path) -> tuple[Samples, EvaluationSet]:
    write_split(tmp_path, "val", 6)
    samples = load_street11(tmp_path, "val", LABELS, tmp_path / "cache", SIZE, DataReport())
    return samples, read_evaluation_set(tmp_path / "val.json")


def perfect(samples: Samples, row: int) -> ImageDetections:
    objects = samples.labels[row] > 0
    boxes = samples.boxes[row][objects] * SIZE
    return ImageDetections(boxes, np.ones(len(boxes)), samples.labels[row][objects])


def test_the_truth_scores_100(
    judged: tuple[Samples, EvaluationSet], monkeypatch: pytest.MonkeyPatch
) -> None:
    samples, truth = judged
    answers = iter([[perfect(samples, row) for row in range(6)]])
    monkeypatch.setattr(validation, "detect", lambda *_: next(answers))
    scores = validation.validate(ThunderNet(ThunderNetConfig()), samples, truth)
    assert scores == pytest.approx(
        {"ap50": 100.0, "ap": 100.0, "ap50/left": 100.0, "ap50/right": 100.0}
    )


def test_nothing_scores_0(
    judged: tuple[Samples, EvaluationSet], monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = ImageDetections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, int))
    monkeypatch.setattr(validation, "detect", lambda *_: [nothing] * 6)
    scores = validation.validate(ThunderNet(ThunderNetConfig()), *judged)
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
