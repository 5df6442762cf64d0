"""Class names: of well-known sets, of a text file, or inside the model file; and which are kept."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from models.adopt.errors import AdoptError
from models.adopt.foreign_model import ForeignModel
from models.complexity.label_sets import COCO, LABEL_SETS

# COCO's own numbers run to 90; these have no class. TensorFlow's models and DETR count that way.
COCO_GAPS = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
COCO_NUMBERS = 90
INSIDE = "inside the file"


class Labels(NamedTuple):
    """Names of all classes of a model, in its order; None for a number that has no class."""

    names: tuple[str | None, ...]
    source: str


class Kept(NamedTuple):
    numbers: tuple[int, ...]  # in the model's order of classes
    names: tuple[str, ...]  # under which they go from now on


def coco90() -> tuple[str | None, ...]:
    """COCO's names by number, from 1."""
    names = iter(COCO)
    return tuple(
        None if number in COCO_GAPS else next(names) for number in range(1, COCO_NUMBERS + 1)
    )


def coco91() -> tuple[str | None, ...]:
    """The same from 0, which has no class either."""
    return (None, *coco90())


NAMED = {
    **{name: tuple[str | None, ...](names) for name, names in LABEL_SETS.items()},
    "coco90": coco90(),
    "coco91": coco91(),
}


def find_labels(wanted: str | None, model: ForeignModel) -> Labels:
    """The names that the user asked for, or those inside the file.

    Raises:
        AdoptError: there are none.
    """
    if wanted is None:
        names = model.names()
        if names is None:
            raise AdoptError(
                f"{model.path}: holds no class names; expected --labels, one of "
                f"{', '.join(NAMED)}, or a text file with a name in each line"
            )
        return Labels(names, INSIDE)
    if wanted in NAMED:
        return Labels(NAMED[wanted], wanted)
    return Labels(read_labels(Path(wanted)), wanted)


def read_labels(path: Path) -> tuple[str, ...]:
    """A name in each line; of an Open Images table (identifier, name), the names."""
    try:
        lines = path.read_text().splitlines()
    except (OSError, ValueError) as error:
        raise AdoptError(
            f"--labels: expected one of {', '.join(NAMED)}, or a text file; {error}"
        ) from error
    if path.suffix == ".csv":
        names = [row[-1].strip() for row in csv.reader(lines) if row]
    else:
        names = [line.strip() for line in lines if line.strip()]
    if len(set(names)) < len(names) or not names:
        twice = sorted({name for name in names if names.count(name) > 1})
        raise AdoptError(f"--labels {path}: expected names, each once; twice there: {twice}")
    return tuple(names)


def check_count(labels: Labels, count: int, model: ForeignModel) -> None:
    if len(labels.names) != count:
        raise AdoptError(
            f"{model.path}: has {count} classes; the labels ({labels.source}) are "
            f"{len(labels.names)}"
        )


def keep_labels(labels: Labels, wanted: Sequence[str] | None) -> Kept:
    """Those of the wanted classes; `name=other` renames one.

    Raises:
        AdoptError: there is no such class, or two would go by one name.
    """
    if wanted is None:
        all_named = [(i, name) for i, name in enumerate(labels.names) if name is not None]
        return Kept(tuple(i for i, _ in all_named), tuple(name for _, name in all_named))
    pairs = [part.partition("=")[::2] for part in wanted]
    named = [(name.strip(), (other or name).strip()) for name, other in pairs]
    renamed = dict(named)
    if len(renamed) < len(named) or len(set(renamed.values())) < len(named):
        raise AdoptError(
            f"--keep: expected each class once, and each under a name of its own, "
            f"got {','.join(wanted)}"
        )
    unknown = [name for name in renamed if name not in labels.names]
    if unknown:
        raise AdoptError(
            f"--keep: expected classes of {labels.source}, got {', '.join(map(repr, unknown))}; "
            f"there are {', '.join(name for name in labels.names if name)}"
        )
    numbers = tuple(number for number, name in enumerate(labels.names) if name in renamed)
    return Kept(numbers, tuple(renamed[str(labels.names[number])] for number in numbers))
