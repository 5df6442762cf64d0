"""What somebody who looks at detections suffers from: false ones, missed ones, and scores that lie.

Average precision says how well detections are ordered. These figures say what is shown.
"""

from collections.abc import Sequence

import msgspec
import numpy as np

from models.evaluate.average_precision import PERCENT, compare
from models.evaluate.evaluation_set import EvaluationSet, keep_labels
from models.evaluate.operating_point import (
    Matched,
    OperatingPoint,
    found_where_right,
    match,
    operating_points,
    threshold_where_right,
)
from models.evaluate.reliability import Band, calibration_error, reliability
from models.evaluate.results import Result

DISPLAY_THRESHOLDS = (0.25, 0.3, 0.35, 0.4, 0.5, 0.6)
EMPTY_THRESHOLDS = (0.25, 0.5)
RIGHT = 80.0  # percent of what is shown that has to be right
CLASS_RIGHT = 75.0  # the same, where each class has a threshold of its own
GROUPS = {
    "persons": ("person",),
    "vehicles": ("bicycle", "car", "motorcycle", "bus", "truck"),
    "animals": ("dog", "cat", "horse", "sheep", "cow"),
}


class EmptyImages(msgspec.Struct, frozen=True):
    """Detections at a threshold in sources that show none of the classes."""

    threshold: float
    images: int
    per_image: float  # false detections
    affected: float  # percent of the images that have one


class Shown(msgspec.Struct, frozen=True):
    """Figures over all images together, whatever their source; `RIGHT` and groups as above."""

    points: tuple[OperatingPoint, ...]
    found: dict[str, float]  # percent of a group's objects where RIGHT percent are right
    empty: tuple[EmptyImages, ...]  # none where no image is empty
    bands: tuple[Band, ...]
    calibration_error: float  # percent points, of detections from the lowest threshold on
    # By class, the lowest at which CLASS_RIGHT percent are right; None where no score reaches that.
    thresholds: dict[str, float | None] = {}


def measure_shown(dataset: EvaluationSet, results: list[Result]) -> Shown:
    matched = match(dataset, results)
    bands = reliability(matched)
    return Shown(
        points=tuple(operating_points(matched, DISPLAY_THRESHOLDS)),
        found=find_by_group(dataset, results),
        empty=tuple(count_in_empty(dataset, results, EMPTY_THRESHOLDS)),
        bands=bands,
        calibration_error=calibration_error(bands),
        thresholds=find_thresholds(dataset, results, matched),
    )


def find_thresholds(
    dataset: EvaluationSet, results: list[Result], matched: Matched
) -> dict[str, float | None]:
    """A threshold for each class that is labelled somewhere; `matched` is of all classes."""
    boxes = [box for of_image in dataset.annotations.values() for box in of_image]
    labelled = {box["category_id"] for box in boxes if not box.get("iscrowd")}
    classes = np.array([results[place]["category_id"] for place in matched.places], np.intp)
    thresholds = {}
    for number, label in dataset.labels.items():
        if number in labelled:
            rows = classes == number
            own = matched._replace(scores=matched.scores[rows], is_right=matched.is_right[rows])
            thresholds[label] = threshold_where_right(own, CLASS_RIGHT)
    return thresholds


def find_by_group(dataset: EvaluationSet, results: list[Result]) -> dict[str, float]:
    """What is found of each group at the lowest threshold at which RIGHT percent are right."""
    found = {}
    for name, labels in GROUPS.items():
        matched: Matched = match(keep_labels(dataset, labels), results)
        if matched.objects:
            found[name] = found_where_right(matched, RIGHT)
    return found


def count_in_empty(
    dataset: EvaluationSet, results: list[Result], thresholds: Sequence[float]
) -> list[EmptyImages]:
    """Detections in the images of sources that show none of the classes: each of them is false."""
    empty = find_empty(dataset)
    if not empty:
        return []
    counted = []
    for threshold in thresholds:
        wrong = [
            result["image_id"]
            for result in results
            if result["image_id"] in empty and result["score"] >= threshold
        ]
        affected = PERCENT * len(set(wrong)) / len(empty)
        counted.append(EmptyImages(threshold, len(empty), len(wrong) / len(empty), affected))
    return counted


def find_empty(dataset: EvaluationSet) -> set[int]:
    """Images of sources in which every class was looked for, and none was found in any image."""
    every = frozenset(dataset.labels)
    showing = {
        image.source
        for image in dataset.images
        if image.category_ids != every or dataset.annotations.get(image.image_id)
    }
    return {image.image_id for image in dataset.images if image.source not in showing}


def format_shown(shown: Shown) -> str:
    """A few lines for people."""
    points = "; ".join(
        f"at {p.threshold:.2f}: {percent(p.found)} found, {percent(p.right)} right"
        for p in shown.points
    )
    groups = ", ".join(f"{name} {found:.0f} %" for name, found in shown.found.items())
    bands = ", ".join(f"{band.low:.1f}: {band.right:.0f} %" for band in shown.bands if band.count)
    lines = [points]
    if groups:
        lines.append(f"found where {RIGHT:.0f} % of what is shown is right: {groups}")
    lines += [
        f"{empty.images} images without any object, at {empty.threshold:.2f}: "
        f"{empty.per_image:.2f} false detections an image, {empty.affected:.1f} % have one"
        for empty in shown.empty
    ]
    lines.append(f"right by score, from: {bands}")
    if shown.thresholds:
        lines.append(f"{CLASS_RIGHT:.0f} % right from: {format_thresholds(shown.thresholds)}")
    lines.append(f"expected calibration error {shown.calibration_error:.1f} points")
    return "\n".join(lines)


def format_thresholds(thresholds: dict[str, float | None]) -> str:
    return ", ".join(
        f"{label} {'never' if score is None else f'{score:.2f}'}"
        for label, score in thresholds.items()
    )


def percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} %"


def find_shown_deviations(shown: Shown, published: Shown) -> list[str]:
    """What differs from the published figures by more than the tolerance, one line each."""
    lines = compare("scores", shown, published)
    for kind, got, expected in (
        ("what is shown", shown.points, published.points),
        ("images without any object", shown.empty, published.empty),
    ):
        of_got = {point.threshold: point for point in got}
        of_expected = {point.threshold: point for point in expected}
        for threshold in sorted(of_got.keys() | of_expected.keys()):
            name = f"{kind}, at {threshold:.2f}"
            if threshold in of_got and threshold in of_expected:
                lines += compare(name, of_got[threshold], of_expected[threshold])
            else:
                which = "published" if threshold in of_expected else "these"
                lines.append(f"{name}: only in {which} figures")
    return lines
