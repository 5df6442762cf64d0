"""What the thresholds in a file's card show, one for each class: chosen by some images, not these.

`models.publish --thresholds` writes them.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from models.data.report import DataError
from models.evaluate.evaluation_set import EvaluationSet
from models.evaluate.operating_point import count_shown, match
from models.evaluate.results import Result

Thresholds = Mapping[str, float | None]  # by class; None: it is never shown


class _ByClass(msgspec.Struct):
    by_class: dict[str, float | None]


class _Published(msgspec.Struct):
    thresholds: _ByClass


class _Recipe(msgspec.Struct):
    published: _Published


def read_class_thresholds(recipe: Mapping[str, Any], name: str) -> Thresholds:
    """Those in the `recipe` of a model file's card; `name` is the file's in errors.

    Raises:
        DataError: there are none.
    """
    try:
        return msgspec.convert(recipe, _Recipe).published.thresholds.by_class
    except msgspec.ValidationError as error:
        raise DataError(
            f"--class-thresholds: {name}: expected a card with recipe.published.thresholds, as "
            f"models.publish --thresholds writes them: {error}"
        ) from error


def format_at_class_thresholds(
    dataset: EvaluationSet, results: list[Result], thresholds: Thresholds
) -> str:
    """One line: percent of the objects found, and of what is shown right, over all classes.

    A class without a threshold is never shown; its objects count as not found.
    """
    matched = match(dataset, results)
    least = {number: thresholds.get(label) for number, label in dataset.labels.items()}
    by_place = [least[results[place]["category_id"]] for place in matched.places]
    limits = np.array([np.inf if limit is None else limit for limit in by_place], np.float64)
    found, right = count_shown(matched, matched.scores >= limits)
    shares = ["-" if share is None else f"{share:.1f} %" for share in (found, right)]
    return f"at the card's threshold of each class: {shares[0]} found, {shares[1]} right"
