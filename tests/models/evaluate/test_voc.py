"""VOC's mAP against answers computed by hand, and against its development kit's loop."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.evaluate.evaluation_set import EvalImage, EvaluationSet
from models.evaluate.results import Result
from models.evaluate.voc import VocScore, ap_11_points, ap_all, score_voc
from tests.models.tiny_set import make_result

pytestmark = pytest.mark.torch

LABELS = {1: "person", 2: "car"}


def make_set(boxes: Sequence[dict[str, Any]], images: int = 2) -> EvaluationSet:
    annotations = defaultdict(list)
    for box in boxes:
        whole = {"image_id": 1, "category_id": 1, "iscrowd": 0} | box
        annotations[whole["image_id"]].append(whole)
    dataset = [
        EvalImage(i, f"{i}.jpg", (100, 80), "all", frozenset(LABELS)) for i in range(1, images + 1)
    ]
    return EvaluationSet(Path("test.txt"), dataset, LABELS, dict(annotations))


def score_person(boxes: Sequence[dict[str, Any]], results: list[Result]) -> tuple[float, float]:
    person = score_voc(make_set(boxes), results).classes["person"]
    return person.ap_11_points, person.ap_all_points


A, B = [10, 10, 20, 20], [60, 10, 20, 20]


def test_a_false_detection_between_two_hits() -> None:
    found = [make_result(A, 0.9), make_result([40, 50, 9, 9], 0.8), make_result(B, 0.7)]
    # Precision 1, 1/2, 2/3: 1 up to recall 0.5 (6 of 11 points), 2/3 beyond.
    expected = (100 * (6 + 5 * 2 / 3) / 11, 100 * (1 + 2 / 3) / 2)
    assert score_person([{"bbox": A}, {"bbox": B}], found) == pytest.approx(expected)


def test_a_second_detection_of_an_object_is_false() -> None:
    found = [make_result(A, 0.9), make_result([11, 10, 20, 20], 0.8), make_result(B, 0.7)]
    expected = (100 * (6 + 5 * 2 / 3) / 11, 100 * (1 + 2 / 3) / 2)
    assert score_person([{"bbox": A}, {"bbox": B}], found) == pytest.approx(expected)


def test_the_object_overlapped_most_is_the_only_candidate() -> None:
    # The second detection covers the free object by 0.84, but the taken one by 0.95.
    boxes = [{"bbox": [0, 0, 10, 10]}, {"bbox": [0, 0, 10, 8]}]
    found = [make_result([0, 0, 10, 10], 0.9), make_result([0, 0, 10, 9.5], 0.8)]
    assert score_person(boxes, found)[1] == pytest.approx(50)


def test_difficult_objects_are_neither_hit_nor_miss() -> None:
    boxes: list[dict[str, Any]] = [{"bbox": A}, {"bbox": B, "iscrowd": 1}]
    assert (
        score_person(boxes, [make_result(B, 0.9), make_result(B, 0.8), make_result(A, 0.7)])[1]
        == 100
    )
    assert score_person(boxes, [make_result(A, 0.7)])[1] == 100
    alone = score_voc(make_set([{"bbox": A, "iscrowd": 1}]), [make_result(A, 0.9)])
    assert alone == VocScore(0.0, 0.0, 2, {})


def test_half_an_object_is_enough() -> None:
    assert score_person([{"bbox": [0, 0, 10, 10]}], [make_result([0, 0, 10, 5], 0.9)])[1] == 100
    assert score_person([{"bbox": [0, 0, 10, 10]}], [make_result([0, 0, 10, 4.99], 0.9)])[1] == 0


def test_objects_are_found_in_their_own_image_and_class_only() -> None:
    found = [make_result(A, 0.9, image_id=2), make_result(A, 0.8, category_id=2)]
    assert score_person([{"bbox": A}], found) == (0, 0)


def test_detections_of_other_images_do_not_count() -> None:
    assert (
        score_person([{"bbox": A}], [make_result(A, 0.95, image_id=9), make_result(A, 0.9)])[1]
        == 100
    )


def test_recall_of_three_tenths_is_reached_by_three_of_ten() -> None:
    # 3 / 10 is below 0.3 in binary: compared as fractions, a point would be lost.
    assert ap_11_points(np.array([True] * 3), 10) == pytest.approx(4 / 11)
    assert ap_all(np.array([True] * 3), 10) == pytest.approx(0.3)


def test_nothing_found() -> None:
    assert score_person([{"bbox": A}], []) == (0, 0)


def test_means_are_over_classes_that_have_objects() -> None:
    boxes: list[dict[str, Any]] = [{"bbox": A}, {"bbox": B, "category_id": 2}]
    score = score_voc(make_set(boxes), [make_result(A, 0.9)])
    assert (score.map_11_points, score.map_all_points) == (50, 50)
    assert score.classes["car"].objects == 1


def pixel_iou(one: list[int], other: list[int]) -> float:
    """VOC's own: boxes of pixels xmin, ymin, xmax, ymax with both edges inside."""
    width = min(one[2], other[2]) - max(one[0], other[0]) + 1
    height = min(one[3], other[3]) - max(one[1], other[1]) + 1
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(b[2] - b[0] + 1) * (b[3] - b[1] + 1) for b in (one, other)]
    return width * height / (sum(areas) - width * height)


def textbook(
    objects: list[tuple[int, list[int], int]], found: list[tuple[int, list[int], float]]
) -> list[bool]:
    """The development kit's loop over detections (image, pixels, score)."""
    taken, hits = set(), []
    for image, pixels, _ in sorted(found, key=lambda one: -one[2]):
        overlaps = [
            (pixel_iou(pixels, other), -i)
            for i, (where, other, _) in enumerate(objects)
            if where == image
        ]
        best, index = max(overlaps, default=(0.0, 0))
        if best < 0.5:
            hits.append(False)
        elif not objects[-index][2]:
            hits.append(-index not in taken)
            taken.add(-index)
    return hits


@pytest.mark.parametrize("seed", range(20))
def test_equals_the_development_kit_s_loop(seed: int) -> None:
    random = np.random.default_rng(seed)

    def draw() -> tuple[int, list[int]]:
        x, y, width, height = random.integers([1, 1, 8, 8], [40, 30, 30, 30]).tolist()
        return int(random.integers(1, 4)), [x, y, x + width, y + height]

    objects = [(*draw(), int(random.random() < 0.2)) for _ in range(12)]
    found = [(*draw(), score) for score in random.permutation(60) / 60]
    boxes = [
        {"image_id": image, "bbox": to_bbox(pixels), "iscrowd": difficult}
        for image, pixels, difficult in objects
    ]
    results = [make_result(to_bbox(p), float(s), image_id=i) for i, p, s in found]
    person = score_voc(make_set(boxes, images=3), results).classes["person"]
    hits, count = textbook(objects, found), sum(not one[2] for one in objects)
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    recall = np.cumsum(hits)
    points = [max(precision[recall * 10 >= s * count], default=0.0) for s in range(11)]
    assert person.ap_11_points == pytest.approx(100 * sum(points) / 11)
    area = sum(max(precision[i:]) for i, hit in enumerate(hits) if hit) / count
    assert person.ap_all_points == pytest.approx(100 * area)


def to_bbox(pixels: list[int]) -> list[int]:
    x1, y1, x2, y2 = pixels
    return [x1 - 1, y1 - 1, x2 - x1 + 1, y2 - y1 + 1]
