"""What is shown at a threshold, counted by hand on two small images."""

import math
from pathlib import Path
from typing import Any

import pytest

from models.evaluate.evaluation_set import EvaluationSet
from models.evaluate.operating_point import OperatingPoint, format_points, operating_points
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
    points = operating_points(dataset, results, (0.3, 0.5, 0.65, 0.8))
    assert points == [(0.3, 100, 50), (0.5, 50, 100 / 3), (0.65, 50, 50), (0.8, 50, 100)]


def test_nothing_shown_is_neither_right_nor_wrong(dataset: EvaluationSet) -> None:
    (point,) = operating_points(dataset, [], (0.3,))
    assert point.found == 0
    assert math.isnan(point.right)


def test_points_are_one_line() -> None:
    points = [OperatingPoint(0.3, 65.4, 34.2), OperatingPoint(0.5, 53, 55)]
    assert format_points(points) == (
        "at 0.30: 65 % found, 34 % right; at 0.50: 53 % found, 55 % right"
    )
