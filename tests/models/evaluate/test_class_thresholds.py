"""What the thresholds in a card show, counted by hand on two small images."""

from pathlib import Path
from typing import Any

import pytest

from models.data.report import DataError
from models.evaluate.class_thresholds import format_at_class_thresholds, read_class_thresholds
from models.evaluate.evaluation_set import EvaluationSet
from tests.models.tiny_set import make_result, make_set

pytestmark = pytest.mark.torch

HERE, THERE, AWAY = [10, 10, 20, 20], [60, 10, 20, 20], [10, 50, 20, 20]
CAR = 3


@pytest.fixture
def dataset(tmp_path: Path) -> EvaluationSet:
    """Two persons and two cars in the first image."""
    boxes: list[dict[str, Any]] = [
        {"bbox": HERE}, {"bbox": THERE},
        {"bbox": HERE, "category_id": CAR}, {"bbox": AWAY, "category_id": CAR},
    ]  # fmt: skip
    return make_set(tmp_path, boxes)


FOUND = [
    make_result(HERE, 0.5),  # right, and shown: the threshold itself counts
    make_result(THERE, 0.4),  # right, not shown
    make_result(AWAY, 0.6),  # no person is there
    make_result(HERE, 0.3, category_id=CAR),
    make_result(AWAY, 0.1, category_id=CAR),
]


@pytest.mark.parametrize(
    ("thresholds", "line"),
    [
        ({"person": 0.5, "car": 0.2}, "50.0 % found, 66.7 % right"),
        ({"person": 0.5, "car": 0.05}, "75.0 % found, 75.0 % right"),
        ({"person": 0.5, "car": None}, "25.0 % found, 50.0 % right"),
        ({"car": 0.2}, "25.0 % found, 100.0 % right"),
        ({"person": None, "car": None}, "0.0 % found, - right"),
    ],
)
def test_each_class_is_shown_from_its_own_threshold(
    dataset: EvaluationSet, thresholds: dict[str, float | None], line: str
) -> None:
    expected = f"at the card's threshold of each class: {line}"
    assert format_at_class_thresholds(dataset, FOUND, thresholds) == expected


def test_thresholds_are_read_as_they_are_published() -> None:
    published = {"thresholds": {"right": 75.0, "by_class": {"person": 0.27, "cow": None}}}
    found = read_class_thresholds({"published": published}, "m.onnx")
    assert found == {"person": 0.27, "cow": None}


@pytest.mark.parametrize(
    "recipe",
    [{}, {"published": {"scores": {}}}, {"published": {"thresholds": {"by_class": {"cow": "1"}}}}],
)
def test_a_card_without_thresholds_is_one_error(recipe: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"^--class-thresholds: m\.onnx: expected a card with rec"):
        read_class_thresholds(recipe, "m.onnx")
