"""What a card says of accuracy, by each protocol of evaluation."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from stages.model.model_file import ModelCard, read_model_metadata
from stages.model.stated_accuracy import StatedAccuracy, stated_accuracy
from stages.model.zoo import ZOO


@pytest.fixture
def card(tiny_model: Path) -> ModelCard:
    return read_model_metadata(tiny_model)


def with_scores(card: ModelCard, scores: Any) -> ModelCard:
    return msgspec.structs.replace(card, recipe={"published": {"scores": scores}})


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ({"ap": 41.5, "ap50": 63.0, "sources": {"voc": {"images": 3}, "cctv": {"images": 4}}},
         StatedAccuracy(41.5, "voc 3, cctv 4")),
        ({"ap": 41.5, "sources": {"voc": {"images": 3}}, "half": "reporting"},
         StatedAccuracy(41.5, "voc 3, the reporting half")),
        ({"ap": 23.6, "ap50": 40.1, "images": 5000}, StatedAccuracy(23.6, "5000")),  # COCO
        ({"map_all_points": 70.1, "map_11_points": 69.0, "images": 4952},
         StatedAccuracy(70.1, "4952")),
        ({}, None),
        ("good", None),
    ],
)  # fmt: skip
def test_each_protocol_is_read(card: ModelCard, scores: Any, expected: Any) -> None:
    assert stated_accuracy(with_scores(card, scores)) == expected


def test_a_card_that_says_nothing(card: ModelCard) -> None:
    assert stated_accuracy(card) is None


def test_shipped_files_can_be_compared() -> None:
    found = [stated_accuracy(read_model_metadata(path)) for path in sorted(ZOO.glob("*.onnx"))]
    assert len({stated.images for stated in found if stated is not None}) == 1
    assert None not in found
