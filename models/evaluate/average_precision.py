"""Average precision per source and class, with pycocotools' arithmetic.

A class is evaluated only in images that label it: elsewhere a correct detection would count as
false.
Regions marked `iscrowd` are ignored: to find them or not changes nothing.
"""

import contextlib
import io
from collections.abc import Iterable
from typing import Any

import msgspec
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from models.evaluate.evaluation_set import EvalImage, EvaluationSet
from models.evaluate.results import Result

PERCENT = 100.0
TOLERANCE = 0.3  # percent points: what decoders and runtimes of other versions may change


class ClassScore(msgspec.Struct, frozen=True):
    ap: float  # percent, mean over IoU .50 to .95
    ap50: float
    boxes: int  # annotated ones, crowds left out


class SourceScore(msgspec.Struct, frozen=True):
    images: int
    ap: float  # means over the classes that have boxes
    ap50: float
    classes: dict[str, ClassScore]


class Score(msgspec.Struct, frozen=True):
    ap: float  # means over sources
    ap50: float
    sources: dict[str, SourceScore]


def score_detections(dataset: EvaluationSet, results: list[Result]) -> Score:
    """Scores of all images of the set; those without a result count as empty."""
    sources = {
        source: score_source(dataset, images, results)
        for source, images in group_by_source(dataset).items()
    }
    return Score(
        mean(source.ap for source in sources.values() if source.classes),
        mean(source.ap50 for source in sources.values() if source.classes),
        sources,
    )


def group_by_source(dataset: EvaluationSet) -> dict[str, list[EvalImage]]:
    by_source: dict[str, list[EvalImage]] = {}
    for image in dataset.images:
        by_source.setdefault(image.source, []).append(image)
    return by_source


def match_source(
    dataset: EvaluationSet, images: list[EvalImage], results: list[Result]
) -> COCOeval:
    """COCO's matching in the images of one source, of the classes that each of them labels."""
    truth = select_truth(dataset, images)
    evaluated = {(image.image_id, c) for image in images for c in image.category_ids}
    found = [r for r in results if (r["image_id"], r["category_id"]) in evaluated]
    category_ids = sorted({c for _, c in evaluated} & dataset.labels.keys())
    return run_pycocotools(truth, found, category_ids)


def score_source(
    dataset: EvaluationSet, images: list[EvalImage], results: list[Result]
) -> SourceScore:
    scored = match_source(dataset, images, results)
    truth, category_ids = scored.cocoGt, scored.params.catIds
    precision = scored.eval["precision"][:, :, :, 0, -1]  # (IoU, recall, class), of all sizes
    classes = {}
    for index, category_id in enumerate(category_ids):
        of_class = precision[:, :, index]  # (IoU, recall)
        boxes = sum(not truth.anns[i]["iscrowd"] for i in truth.getAnnIds(catIds=[category_id]))
        if boxes:
            ap, ap50 = PERCENT * of_class.mean(), PERCENT * of_class[0].mean()
            classes[dataset.labels[category_id]] = ClassScore(float(ap), float(ap50), boxes)
    return SourceScore(
        len(images),
        mean(score.ap for score in classes.values()),
        mean(score.ap50 for score in classes.values()),
        classes,
    )


def select_truth(dataset: EvaluationSet, images: list[EvalImage]) -> COCO:
    """The boxes of the images, in the classes that each of them labels."""
    annotations: list[dict[str, Any]] = []
    for image in images:
        for annotation in dataset.annotations.get(image.image_id, []):
            if annotation["category_id"] in image.category_ids:
                _, _, width, height = annotation["bbox"]
                area = annotation.get("area", width * height)
                crowd = annotation.get("iscrowd", 0)
                # Numbered anew: pycocotools takes an annotation with id 0 for no match at all.
                number = len(annotations) + 1
                annotations.append(annotation | {"id": number, "area": area, "iscrowd": crowd})
    truth = COCO()
    truth.dataset = {
        "info": {},
        "images": [{"id": image.image_id} for image in images],
        "annotations": annotations,
        "categories": [{"id": id, "name": name} for id, name in dataset.labels.items()],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
    return truth


def run_pycocotools(truth: COCO, found: list[Result], category_ids: list[int]) -> COCOeval:
    """COCO's matching done; `eval["precision"]` is (IoU, recall, class, size, limit)."""
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints as it goes
        # Copies: loadRes adds keys to what it is given.
        detections = truth.loadRes([dict(one) for one in found]) if found else COCO()
        if not found:
            detections.dataset = truth.dataset | {"annotations": []}
            detections.createIndex()
        scored = COCOeval(truth, detections, "bbox")
        scored.params.catIds = category_ids
        scored.evaluate()
        scored.accumulate()
    return scored


def mean(values: Iterable[float]) -> float:
    """The mean, and 0 of nothing."""
    gathered = list(values)
    return sum(gathered) / len(gathered) if gathered else 0.0


def find_deviations(score: Score, published: Score) -> list[str]:
    """What differs from the published figures by more than TOLERANCE, one line each."""
    lines = compare("mean over sources", score, published)
    for name in sorted(score.sources.keys() | published.sources.keys()):
        got, expected = score.sources.get(name), published.sources.get(name)
        if got is not None and expected is not None:
            lines += compare(name, got, expected)
        else:
            lines.append(f"{name}: only in {'published' if got is None else 'these'} figures")
    return lines


def compare(name: str, got: msgspec.Struct, expected: msgspec.Struct) -> list[str]:
    """One line for every float of a score that is further off than TOLERANCE."""
    lines = []
    for measure in got.__struct_fields__:
        found, was = getattr(got, measure), getattr(expected, measure)
        if isinstance(found, float) and isinstance(was, float):
            if not abs(found - was) <= TOLERANCE:
                lines.append(
                    f"{name}: {measure} expected {was:.2f} +- {TOLERANCE}, got {found:.2f}"
                )
        elif (found is None) != (was is None):
            lines.append(f"{name}: {measure} expected {was}, got {found}")
    return lines
