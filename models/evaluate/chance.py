"""How far chance may have moved AP50: the same images drawn anew, with replacement.

The bootstrap (Efron, 1979). Of each source as many images are drawn as it has. Of two models that
saw the same images every draw is evaluated for both, so what it does to both of them cancels.

Shapes: D detections of a class in a source, I images of the source, N draws.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.evaluate.average_precision import PERCENT, group_by_source, match_source
from models.evaluate.evaluation_set import EvalImage, EvaluationSet
from models.evaluate.operating_point import AT_IOU_50
from models.evaluate.results import Result

DRAWS = 1000
AT_ONCE = 100  # draws: what bounds the memory
SHARE = 95.0  # percent of the draws that lie between the ends that are told
STEPS = 100  # of recall: COCO's protocol looks at 0, .01, ... 1


class ClassMatches(NamedTuple):
    """Detections of one class, best score first; those of crowds are left out."""

    is_right: NDArray[np.bool_]  # (D,) at IoU .5
    images: NDArray[np.intp]  # (D,) in which of the source's
    objects: NDArray[np.intp]  # (I,) in each image


class SourceMatches(NamedTuple):
    image_ids: tuple[int, ...]  # (I,)
    classes: tuple[ClassMatches, ...]  # that have objects


class Difference(NamedTuple):
    """By how many points of AP50 one model is better than another."""

    value: float
    low: float  # SHARE percent of the draws lie between the two
    high: float


def match_images(dataset: EvaluationSet, results: list[Result]) -> list[SourceMatches]:
    """What is right in which image, brought together as for average precision."""
    sources = group_by_source(dataset).values()
    return [match_images_of_source(dataset, images, results) for images in sources]


def match_images_of_source(
    dataset: EvaluationSet, images: list[EvalImage], results: list[Result]
) -> SourceMatches:
    scored = match_source(dataset, images, results)
    row_of = {image_id: row for row, image_id in enumerate(scored.params.imgIds)}
    every_size = scored.params.areaRng[0]
    parts_of: dict[int, list[dict[str, Any]]] = {
        category_id: [] for category_id in scored.params.catIds
    }
    for part in scored.evalImgs:
        if part and part["aRng"] == every_size:
            parts_of[part["category_id"]].append(part)
    classes = [match_class(parts, row_of) for parts in parts_of.values()]
    return SourceMatches(tuple(row_of), tuple(one for one in classes if one.objects.any()))


def match_class(parts: Sequence[dict[str, Any]], row_of: dict[int, int]) -> ClassMatches:
    """Of one class, from what pycocotools says of each image."""
    scores, is_right, images = [np.zeros(0)], [np.zeros(0, bool)], [np.zeros(0, np.intp)]
    objects = np.zeros(len(row_of), np.intp)
    for part in parts:
        row = row_of[part["image_id"]]
        objects[row] = (np.asarray(part["gtIgnore"]) == 0).sum()
        counts = ~np.asarray(part["dtIgnore"][AT_IOU_50], bool)
        scores.append(np.asarray(part["dtScores"], float)[counts])
        is_right.append(np.asarray(part["dtMatches"][AT_IOU_50])[counts] > 0)
        images.append(np.full(counts.sum(), row))
    order = np.argsort(-np.concatenate(scores), kind="stable")
    return ClassMatches(np.concatenate(is_right)[order], np.concatenate(images)[order], objects)


def average_precision(matches: ClassMatches, times: NDArray[np.intp]) -> NDArray[np.float64]:
    """AP50 in percent (N,); nan where a draw has no object of the class.

    Args:
        times: how often each image was drawn, (N, I).
    """
    objects = times @ matches.objects  # (N,)
    drawn = times[:, matches.images]  # (N, D)
    right = np.cumsum(drawn * matches.is_right, axis=1)
    shown = np.cumsum(drawn, axis=1)
    precision = right / np.maximum(shown, 1)
    best_from_here = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    # How many of the recalls that COCO looks at are reached with each detection, in whole numbers.
    reached = STEPS * right // np.maximum(objects, 1)[:, None] + (shown > 0)
    steps = np.diff(reached, axis=1, prepend=0)
    total = PERCENT * (steps * best_from_here).sum(axis=1) / (STEPS + 1)
    return np.where(objects > 0, total, np.nan)


def mean_average_precision(
    sources: Sequence[SourceMatches], times: Sequence[NDArray[np.intp]]
) -> NDArray[np.float64]:
    """The mean over sources of each draw (N,), of `times` (N, I) for every source."""
    of_sources = []
    for source, drawn in zip(sources, times, strict=True):
        if source.classes:
            of_classes = [average_precision(matches, drawn) for matches in source.classes]
            of_sources.append(mean_of_known(np.array(of_classes)))
    return mean_of_known(np.array(of_sources))


def mean_of_known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean over the first axis, but for nan; nan where there is nothing else."""
    known = ~np.isnan(values)
    total = np.where(known, values, 0.0).sum(axis=0)
    return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)


def compare_models(
    first: Sequence[SourceMatches], other: Sequence[SourceMatches], seed: int = 0
) -> Difference | None:
    """By how much `other` is better than `first`, on the same images; None of no objects.

    Raises:
        ValueError: the images are not the same.
    """
    if [one.image_ids for one in first] != [one.image_ids for one in other]:
        raise ValueError("expected matches of the same images")
    random = np.random.default_rng(seed)
    drawn = []
    for _ in range(DRAWS // AT_ONCE):
        times = [draw(len(source.image_ids), AT_ONCE, random) for source in first]
        drawn.append(mean_average_precision(other, times) - mean_average_precision(first, times))
    once = [np.ones((1, len(source.image_ids)), np.intp) for source in first]
    value = mean_average_precision(other, once) - mean_average_precision(first, once)
    if np.isnan(value).any():
        return None
    beside = (PERCENT - SHARE) / 2
    low, high = np.nanpercentile(np.concatenate(drawn), [beside, PERCENT - beside])
    return Difference(float(value[0]), float(low), float(high))


def draw(images: int, count: int, random: np.random.Generator) -> NDArray[np.intp]:
    """How often each of so many images is drawn, (count, images); each row sums to `images`."""
    return random.multinomial(images, np.full(images, 1 / images), size=count)
