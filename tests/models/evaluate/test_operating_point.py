"""What is shown at a threshold, counted by hand on two small images."""

from pathlib import Path
from typing import Any

import pytest

from models.evaluate.evaluation_set import EvaluationSet
from models.evaluate.operating_point import match, operating_points
from tests.models.tiny_set import make_result, make_set

pytestmark = pytest.mark.torch

HERE, THERE, CROWD = [10, 10, 20, 20], [60, 10, 20, 20], [10, 50, 20, 20]


@pytest.fixture
def dataset(tmp_path: Path) -> EvaluationSet:
    """Two persons and a crowd in the first image, which labels persons and cars."""
    boxes: list[dict[str, Any]] = [{"bbox": HERE}, {"bbox": THERE}, {"bbox": CROWD, "iscrowd": 1}]
    return make_set(tmp_path, boxes)


def test_what_is_shown_is_counted(dataset: EvaluationSet) -> None:
    results = [
        make_result(HERE, 0.9),
        make_result(HERE, 0.7),  # the same person twice
        make_result(CROWD, 0.8),  # ignored
        make_result(THERE, 0.35),
        make_result(HERE, 0.6, category_id=3),  # no car is there
    ]
    points = operating_points(match(dataset, results), (0.3, 0.5, 0.65, 0.8))
    shown = [(point.threshold, point.found, point.right) for point in points]
    assert shown == [(0.3, 100, 50), (0.5, 50, 100 / 3), (0.65, 50, 50), (0.8, 50, 100)]


def test_nothing_shown_is_neither_right_nor_wrong(dataset: EvaluationSet) -> None:
    (point,) = operating_points(match(dataset, []), (0.3,))
    assert point.found == 0
    assert point.right is None
