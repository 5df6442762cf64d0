"""What a model file shows in a film without labels: in how many of its frames each class."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
from tqdm import tqdm

from models.evaluate.film import check_film, read_film
from models.evaluate.results import Detect
from models.evaluate.shown import GROUPS


class ClipCounts(msgspec.Struct, frozen=True):
    """Frames at the file's threshold; a frame that shows two classes counts for both."""

    frames: int
    empty: int  # without any detection
    groups: dict[str, int]  # persons, vehicles, animals, of those that the model knows
    labels: dict[str, int]  # of the model's classes those that are shown at all


def count_frames(path: Path, detect: Detect, labels: Sequence[str]) -> ClipCounts:
    """Every frame of the film at `path`, each by itself.

    Args:
        labels: class i of the detector's is labels[i].

    Raises:
        DataError: no film, or one without a frame.
    """
    check_film(path)
    frames, empty = 0, 0
    shown: Counter[str] = Counter()
    for frame in tqdm(read_film(path), unit="frame", desc=path.stem):
        found = {labels[class_id] for class_id in detect(frame).class_ids}
        shown.update(found)
        shown.update(name for name, members in GROUPS.items() if found.intersection(members))
        frames += 1
        empty += not found
    known = [name for name, members in GROUPS.items() if set(members).intersection(labels)]
    return ClipCounts(
        frames,
        empty,
        groups={name: shown[name] for name in known},
        labels={name: shown[name] for name in labels if shown[name]},
    )


def format_counts(counts: ClipCounts) -> str:
    """One line for people."""
    shown = [f"{label} {count}" for label, count in counts.labels.items()]
    return (
        f"{counts.frames} frames, of which show: {', '.join([*shown, f'nothing {counts.empty}'])}"
    )
