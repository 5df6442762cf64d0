from pathlib import Path
from typing import Any

import msgspec
import pytest

from models.data.report import DataReport
from models.evaluate.average_precision import Score, find_deviations, score_detections
from models.evaluate.evaluation_set import read_evaluation_set
from tests.models.tiny_set import make_content, make_result, make_set, write_set

pytestmark = pytest.mark.torch


def test_perfect_detections_score_100(tmp_path: Path) -> None:
    boxes: list[dict[str, Any]] = [
        {"bbox": [10, 10, 20, 30]},
        {"bbox": [40, 10, 20, 30], "category_id": 3},
        {"bbox": [5, 5, 50, 50], "image_id": 2},
    ]
    dataset = make_set(tmp_path, boxes)
    found = [
        make_result(b["bbox"], 0.9, b.get("category_id", 1), b.get("image_id", 1)) for b in boxes
    ]
    score = score_detections(dataset, found)
    assert (score.ap, score.ap50) == pytest.approx((100, 100))
    assert score.sources["street"].classes["person"].boxes == 2


def test_one_of_two_objects_found_is_half(tmp_path: Path) -> None:
    dataset = make_set(tmp_path, [{"bbox": [10, 10, 20, 20]}, {"bbox": [60, 10, 20, 20]}])
    score = score_detections(dataset, [make_result([10, 10, 20, 20], 0.9)])
    # 101 recall points: precision is 1 up to recall 0.5, which is 51 of them.
    assert score.ap50 == pytest.approx(100 * 51 / 101)


def test_a_false_detection_above_the_true_one_halves_precision(tmp_path: Path) -> None:
    dataset = make_set(tmp_path, [{"bbox": [10, 10, 20, 20]}])
    found = [make_result([60, 50, 20, 20], 0.9), make_result([10, 10, 20, 20], 0.8)]
    assert score_detections(dataset, found).ap50 == pytest.approx(50)


def test_a_loose_box_counts_at_low_overlap_only(tmp_path: Path) -> None:
    dataset = make_set(tmp_path, [{"bbox": [10, 10, 20, 20]}])
    score = score_detections(
        dataset, [make_result([10, 10, 20, 30], 0.9)]
    )  # IoU 2/3: .50 .55 .60 .65
    assert score.ap50 == pytest.approx(100)
    assert score.ap == pytest.approx(40)


def test_a_crowd_region_is_neither_hit_nor_miss(tmp_path: Path) -> None:
    dataset = make_set(
        tmp_path, [{"bbox": [10, 10, 20, 20]}, {"bbox": [50, 10, 40, 40], "iscrowd": 1}]
    )
    inside = make_result([60, 20, 10, 10], 0.95)
    score = score_detections(dataset, [inside, make_result([10, 10, 20, 20], 0.9)])
    assert score.ap50 == pytest.approx(100)
    assert score.sources["street"].classes["person"].boxes == 1


def test_a_class_is_not_evaluated_in_images_without_its_labels(tmp_path: Path) -> None:
    dataset = make_set(tmp_path, [{"bbox": [10, 10, 20, 20]}], labelled_category_ids=[1])
    car = make_result([60, 20, 10, 10], 0.95, category_id=3)
    score = score_detections(dataset, [car, make_result([10, 10, 20, 20], 0.9)])
    assert list(score.sources["street"].classes) == ["person"]
    assert score.ap50 == pytest.approx(100)


def test_boxes_of_unlabelled_classes_are_no_truth(tmp_path: Path) -> None:
    pseudo = {"bbox": [60, 20, 10, 10], "category_id": 3, "pseudo": True}
    dataset = make_set(tmp_path, [{"bbox": [10, 10, 20, 20]}, pseudo], labelled_category_ids=[1])
    assert score_detections(dataset, [make_result([10, 10, 20, 20], 0.9)]).ap50 == pytest.approx(
        100
    )


def test_sources_weigh_the_same_whatever_their_size(tmp_path: Path) -> None:
    content = make_content([{"bbox": [10, 10, 20, 20]}, {"bbox": [5, 5, 9, 9], "image_id": 2}])
    content["images"][1]["source"] = "yard"
    dataset = read_evaluation_set(write_set(tmp_path, content, {}), DataReport())
    score = score_detections(dataset, [make_result([10, 10, 20, 20], 0.9)])
    assert {name: of.ap50 for name, of in score.sources.items()} == pytest.approx(
        {"street": 100, "yard": 0}
    )
    assert score.ap50 == pytest.approx(50)


def test_nothing_found_scores_zero(tmp_path: Path) -> None:
    score = score_detections(make_set(tmp_path, [{"bbox": [10, 10, 20, 20]}]), [])
    assert (score.ap, score.ap50) == (0, 0)


def test_published_figures_are_compared_within_the_tolerance(tmp_path: Path) -> None:
    dataset = make_set(tmp_path, [{"bbox": [10, 10, 20, 20]}])
    score = score_detections(dataset, [make_result([10, 10, 20, 20], 0.9)])
    near = msgspec.structs.replace(score, ap=score.ap - 0.29)
    far = msgspec.structs.replace(score, ap50=score.ap50 - 0.31)
    assert find_deviations(score, near) == []
    assert find_deviations(score, far) == [
        "mean over sources: ap50 expected 99.69 +- 0.3, got 100.00"
    ]
    assert find_deviations(score, Score(100.0, 100.0, {})) == ["street: only in these figures"]


def test_real_ground_truth_as_detections_scores_100(shared: Path) -> None:
    path = shared / "data/street11/val.json"
    if not path.exists():
        pytest.skip(f"no data set at {path}")
    dataset = read_evaluation_set(path, DataReport())
    truth = [a for of_image in dataset.annotations.values() for a in of_image if not a["iscrowd"]]
    score = score_detections(
        dataset, [make_result(a["bbox"], 0.9, a["category_id"], a["image_id"]) for a in truth]
    )
    assert score.ap == pytest.approx(100)
    assert len(score.sources) == 5
