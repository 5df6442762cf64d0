"""The three protocols of evaluation, and how each writes, compares and prints its score."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from models.data.report import DataError
from models.evaluate.average_precision import compare
from models.evaluate.coco import CocoScore, score_coco
from models.evaluate.evaluation_set import EvaluationSet
from models.evaluate.results import Result
from models.evaluate.source_report import (
    SourceReport,
    find_report_deviations,
    format_report,
    report_by_source,
)
from models.evaluate.voc import VocScore, score_voc

CLASSES_PER_LINE = 5


class Protocol(NamedTuple):
    """One way to score detections; `kind` is what `score` makes and the other two take."""

    kind: type[Any]
    score: Callable[[EvaluationSet, list[Result]], Any]
    format: Callable[[Any], str]
    find_deviations: Callable[[Any, Any], list[str]]


def format_voc(score: VocScore) -> str:
    """AP of every class, as VOC2007 reads it, and both means."""
    means = f"mAP {score.map_11_points:.1f} (11 points)  {score.map_all_points:.1f} (all points)"
    by_class = {label: of.ap_11_points for label, of in score.classes.items()}
    return "\n".join([*format_classes(by_class), f"{score.images} images: {means}"])


def format_coco(score: CocoScore) -> str:
    """AP of every class and COCO's six figures."""
    overlaps = f"AP {score.ap:.1f}  AP50 {score.ap50:.1f}  AP75 {score.ap75:.1f}"
    sizes = f"S {score.ap_small:.1f}  M {score.ap_medium:.1f}  L {score.ap_large:.1f}"
    return "\n".join(
        [*format_classes(score.classes), f"{score.images} images: {overlaps}  {sizes}"]
    )


def format_classes(by_class: dict[str, float]) -> list[str]:
    parts = [f"{label:<14.14} {ap:5.1f}" for label, ap in by_class.items()]
    starts = range(0, len(parts), CLASSES_PER_LINE)
    return ["  ".join(parts[first : first + CLASSES_PER_LINE]) for first in starts]


def find_mean_deviations(score: Any, published: Any) -> list[str]:
    """What differs in the means by more than the tolerance."""
    return compare("mean over classes", score, published)


BY_SOURCE = Protocol(SourceReport, report_by_source, format_report, find_report_deviations)
VOC = Protocol(VocScore, score_voc, format_voc, find_mean_deviations)
COCO = Protocol(CocoScore, score_coco, format_coco, find_mean_deviations)
PROTOCOLS = (BY_SOURCE, VOC, COCO)


def read_scores(path: Path, protocols: Sequence[Protocol] = PROTOCOLS) -> Any:
    """What `models.evaluate --results` wrote, by one of the protocols.

    Raises:
        DataError: the file holds something else.
    """
    text, reasons = path.read_bytes(), []
    for protocol in protocols:
        try:
            return msgspec.json.decode(text, type=protocol.kind)
        except msgspec.DecodeError as error:
            reasons.append(str(error))
    why = "; ".join(dict.fromkeys(reasons))  # what is no JSON at all is so to every protocol
    raise DataError(f"{path}: expected scores written by models.evaluate --results: {why}")
