"""How well a model detects, as `models.publish` wrote it into the file's card."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from stages.model.model_file import ModelCard, ModelFileError, read_model_metadata


class StatedAccuracy(NamedTuple):
    ap: float  # percent, the mean that the protocol prints
    images: str  # on which images; figures of others cannot be compared


class _Source(msgspec.Struct, frozen=True):
    images: int


class _Scores(msgspec.Struct, frozen=True):
    """What the three protocols of `models.evaluate` have of each other."""

    ap: float | None = None  # by source, and COCO
    map_all_points: float | None = None  # VOC
    images: int | None = None  # COCO and VOC
    sources: dict[str, _Source] = {}
    half: str | None = None


class _Published(msgspec.Struct, frozen=True):
    scores: _Scores


def stated_accuracy(card: ModelCard) -> StatedAccuracy | None:
    """None: the card says nothing of it."""
    try:
        scores = msgspec.convert(card.recipe.get("published"), _Published).scores
    except msgspec.ValidationError:
        return None
    ap = scores.map_all_points if scores.ap is None else scores.ap
    if ap is None:
        return None
    counts = ", ".join(f"{name} {source.images}" for name, source in scores.sources.items())
    half = f", the {scores.half} half" if scores.half else ""
    return StatedAccuracy(ap, f"{counts or scores.images}{half}")


def comparable_accuracies(paths: Sequence[str]) -> dict[str, float]:
    """AP by file.

    Raises:
        ModelFileError: a file cannot be read, states none, or one on other images than the rest.
    """
    found = {path: stated_accuracy(read_model_metadata(path)) for path in paths}
    silent = [Path(path).name for path, stated in found.items() if stated is None]
    if silent:
        raise ModelFileError(
            f"auto.models: expected files that state their accuracy, got {', '.join(silent)} "
            "without; `models.evaluate --results` measures it and `models.publish` writes it there"
        )
    stated = {path: accuracy for path, accuracy in found.items() if accuracy is not None}
    if len({accuracy.images for accuracy in stated.values()}) > 1:
        each = "; ".join(f"{Path(path).name} on {of.images}" for path, of in stated.items())
        raise ModelFileError(
            f"auto.models: expected accuracies that were measured on the same images, got {each}"
        )
    return {path: accuracy.ap for path, accuracy in stated.items()}
