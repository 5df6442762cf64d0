"""COCO's six figures against answers computed by hand."""

from pathlib import Path
from typing import Any

import pytest

from models.data.coco import read_coco
from models.data.report import DataReport
from models.evaluate.coco import CocoScore, score_coco
from models.evaluate.evaluation_set import EvaluationSet, make_evaluation_set
from tests.models.tiny_coco import write_coco

pytestmark = pytest.mark.torch

SMALL = {"image_id": 7, "category_id": 1, "bbox": [10, 10, 20, 20]}
MEDIUM = {"image_id": 7, "category_id": 3, "bbox": [40, 10, 40, 50]}
LARGE = {"image_id": 8, "category_id": 3, "bbox": [0, 0, 100, 80], "area": 9300.0}


def make_set(folder: Path, annotations: list[dict[str, Any]]) -> EvaluationSet:
    path = write_coco(folder, annotations)
    return make_evaluation_set(read_coco(path, folder / "images", DataReport()))


def found(one: dict[str, Any], score: float, **changes: Any) -> dict[str, Any]:
    keys = ("image_id", "category_id", "bbox")
    return {key: one[key] for key in keys} | {"score": score} | changes


def test_the_truth_scores_100(tmp_path: Path) -> None:
    things = [SMALL, MEDIUM, LARGE]
    score = score_coco(make_set(tmp_path, things), [found(one, 0.9) for one in things])
    figures = (score.ap, score.ap50, score.ap75, score.ap_small, score.ap_medium, score.ap_large)
    assert figures == pytest.approx((100,) * 6)
    assert score.classes == pytest.approx({"person": 100, "car": 100})


def test_sizes_are_scored_apart(tmp_path: Path) -> None:
    # IoU 2/3 counts at .50 .55 .60 .65, four of ten; the medium object is missed.
    results = [found(SMALL, 0.9, bbox=[10, 10, 20, 30]), found(LARGE, 0.8)]
    score = score_coco(make_set(tmp_path, [SMALL, MEDIUM, LARGE]), results)
    half = 100 * 51 / 101  # one of two cars: precision 1 at 51 of 101 recalls
    assert score.classes == pytest.approx({"person": 40, "car": half})
    assert score.ap == pytest.approx((40 + half) / 2)
    assert score.ap50 == pytest.approx((100 + half) / 2)
    assert score.ap75 == pytest.approx((0 + half) / 2)
    assert (score.ap_small, score.ap_medium, score.ap_large) == pytest.approx((40, 0, 100))


def test_a_class_without_detections_counts_as_zero(tmp_path: Path) -> None:
    score = score_coco(make_set(tmp_path, [SMALL, MEDIUM]), [found(SMALL, 0.9)])
    assert score.ap == pytest.approx(50)


def test_a_class_without_objects_does_not_count(tmp_path: Path) -> None:
    score = score_coco(make_set(tmp_path, [SMALL]), [found(SMALL, 0.9), found(MEDIUM, 0.9)])
    assert score.ap == pytest.approx(100)
    assert list(score.classes) == ["person"]


def test_crowds_are_neither_hit_nor_miss(tmp_path: Path) -> None:
    crowd = {"image_id": 7, "category_id": 1, "bbox": [50, 10, 40, 40], "iscrowd": 1}
    inside = found(SMALL, 0.95, bbox=[60, 20, 10, 10])
    score = score_coco(make_set(tmp_path, [SMALL, crowd]), [inside, found(SMALL, 0.9)])
    assert score.ap == pytest.approx(100)


def test_nothing_found_and_nothing_to_find(tmp_path: Path) -> None:
    dataset = make_set(tmp_path, [SMALL])
    assert score_coco(dataset, []).ap == 0
    assert score_coco(dataset._replace(images=[]), [found(SMALL, 0.9)]) == CocoScore(
        0, 0, 0, 0, 0, 0, 0, {}
    )
