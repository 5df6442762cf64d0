"""What is shown, counted by hand on a street and a yard in which nothing is."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from models.evaluate.evaluation_set import EvalImage, EvaluationSet
from models.evaluate.results import Result
from models.evaluate.shown import (
    EMPTY_THRESHOLDS,
    find_by_group,
    find_shown_deviations,
    format_shown,
    measure_shown,
)
from models.evaluate.source_report import (
    SourceReport,
    find_report_deviations,
    format_report,
    report_by_source,
)

pytestmark = pytest.mark.torch

LABELS = {1: "person", 3: "car"}
HERE, THERE, AWAY = [10, 10, 20, 20], [60, 10, 20, 20], [10, 60, 20, 20]
STREET, YARD, SECOND_YARD = 1, 2, 3


@pytest.fixture
def dataset() -> EvaluationSet:
    """A street with two persons and a car, and two images of a yard without anything."""
    both = frozenset(LABELS)
    images = [
        EvalImage(STREET, "street.png", (100, 100), "street", both),
        EvalImage(YARD, "yard.png", (100, 100), "yard", both),
        EvalImage(SECOND_YARD, "yard2.png", (100, 100), "yard", both),
    ]
    boxes = [(HERE, 1), (THERE, 1), (AWAY, 3)]
    annotations: list[dict[str, Any]] = [
        {"image_id": STREET, "bbox": bbox, "category_id": label, "iscrowd": 0}
        for bbox, label in boxes
    ]
    return EvaluationSet(Path("val.json"), images, LABELS, {STREET: annotations})


def result(image_id: int, bbox: list[int], category_id: int, score: float) -> Result:
    return {"image_id": image_id, "bbox": bbox, "category_id": category_id, "score": score}


FOUND = [
    result(STREET, HERE, 1, 0.9),
    result(STREET, THERE, 1, 0.6),
    result(STREET, AWAY, 3, 0.8),
    result(YARD, HERE, 1, 0.55),
    result(YARD, AWAY, 3, 0.3),
    result(YARD, THERE, 3, 0.1),
]


def test_detections_where_nothing_is_are_counted(dataset: EvaluationSet) -> None:
    empty = measure_shown(dataset, FOUND).empty
    assert tuple(one.threshold for one in empty) == EMPTY_THRESHOLDS
    assert [(one.images, one.per_image, one.affected) for one in empty] == [
        (2, 1, 50),
        (2, 0.5, 50),
    ]


def test_an_image_without_objects_among_others_is_no_empty_source(dataset: EvaluationSet) -> None:
    images = [image._replace(source="street") for image in dataset.images]
    assert measure_shown(dataset._replace(images=images), FOUND).empty == ()


def test_a_source_that_labels_some_classes_alone_is_not_empty(dataset: EvaluationSet) -> None:
    images = [image._replace(category_ids=frozenset({1})) for image in dataset.images]
    assert measure_shown(dataset._replace(images=images), FOUND).empty == ()


def test_groups_are_found_down_to_where_four_of_five_are_right(dataset: EvaluationSet) -> None:
    found = find_by_group(dataset, FOUND)
    # Persons: right, right, wrong: both are shown above the wrong one. Vehicles: right, then wrong.
    assert found == {"persons": 100, "vehicles": 100}
    boasting = [*FOUND, result(YARD, AWAY, 1, 0.95)]
    assert find_by_group(dataset, boasting)["persons"] == 0


def test_detections_of_one_score_are_shown_together(dataset: EvaluationSet) -> None:
    tied = [result(STREET, HERE, 1, 0.9), result(YARD, HERE, 1, 0.9)]
    assert find_by_group(dataset, tied)["persons"] == 0


def test_each_class_has_the_lowest_score_from_which_three_of_four_are_right(
    dataset: EvaluationSet,
) -> None:
    # Persons: two right, then one wrong. Cars: one right, then two wrong.
    assert measure_shown(dataset, FOUND).thresholds == {"person": 0.6, "car": 0.8}
    fourth = [*FOUND, result(STREET, AWAY, 1, 0.5)]
    assert measure_shown(dataset, fourth).thresholds["person"] == 0.6
    second_car = [{"image_id": YARD, "bbox": AWAY, "category_id": 3, "iscrowd": 0}]
    more = dataset._replace(annotations=dataset.annotations | {YARD: second_car})
    assert measure_shown(more, FOUND).thresholds["car"] == 0.3


def test_a_class_that_is_never_right_enough_has_no_threshold(dataset: EvaluationSet) -> None:
    boasting = [*FOUND, result(YARD, AWAY, 1, 0.95)]
    shown = measure_shown(dataset, boasting)
    assert shown.thresholds == {"person": None, "car": 0.8}
    assert "75 % right from: person never, car 0.80" in format_shown(shown)


def test_a_class_that_nothing_shows_has_no_threshold_to_tell(dataset: EvaluationSet) -> None:
    crowd = [box | {"iscrowd": 1} if box["category_id"] == 3 else box
             for box in dataset.annotations[STREET]]  # fmt: skip
    assert set(measure_shown(dataset._replace(annotations={STREET: crowd}), FOUND).thresholds) == {
        "person"
    }


def test_what_is_shown_is_told_in_lines(dataset: EvaluationSet) -> None:
    text = format_shown(measure_shown(dataset, FOUND))
    assert "at 0.25: 100 % found, 60 % right" in text
    assert "found where 80 % of what is shown is right: persons 100 %, vehicles 100 %" in text
    assert "2 images without any object, at 0.50: 0.50 false detections an image" in text


def test_a_report_is_the_same_after_it_was_written(dataset: EvaluationSet) -> None:
    report = report_by_source(dataset, FOUND)
    assert msgspec.json.decode(msgspec.json.encode(report), type=SourceReport) == report
    assert "no objects" in format_report(report)


def test_a_report_without_detections_can_be_written(dataset: EvaluationSet) -> None:
    report = report_by_source(dataset, [])
    assert report.shown is not None
    assert report.shown.points[0].right is None
    assert msgspec.json.decode(msgspec.json.encode(report), type=SourceReport) == report


def test_figures_of_another_half_are_not_compared(dataset: EvaluationSet) -> None:
    report = report_by_source(dataset, FOUND)
    other = msgspec.structs.replace(report, half="reporting")
    assert find_report_deviations(other, report) == ["images: expected all, got the reporting half"]


def test_more_false_detections_than_published_are_told(dataset: EvaluationSet) -> None:
    published = measure_shown(dataset, FOUND)
    worse = measure_shown(dataset, [*FOUND, result(SECOND_YARD, HERE, 1, 0.9)])
    assert find_shown_deviations(published, published) == []
    told = find_shown_deviations(worse, published)
    assert "images without any object, at 0.50: affected expected 50.00 +- 0.3, got 100.00" in told


def test_figures_of_another_set_are_told_and_end_nothing(dataset: EvaluationSet) -> None:
    here = measure_shown(dataset, FOUND)
    nothing = measure_shown(dataset._replace(images=dataset.images[:1]), [])
    told = find_shown_deviations(here, nothing)
    assert "images without any object, at 0.50: only in these figures" in told
    assert "what is shown, at 0.50: right expected None, got 75.0" in told
    assert "images without any object, at 0.50: only in published figures" in (
        find_shown_deviations(nothing, here)
    )
