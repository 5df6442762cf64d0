"""What candidates reach, as a table of Markdown: a row each."""

from collections.abc import Sequence

from models.candidates.candidate import Clip, Measured, Part
from models.evaluate.average_precision import mean
from models.evaluate.chance import SourceMatches, compare_models
from models.evaluate.clip import ClipCounts
from models.evaluate.shown import find_empty

PERSON, PERSONS, ANIMALS = "person", "persons", "animals"  # a class, and groups
ABSENT = "-"


def header(parts: Sequence[Part], clips: Sequence[Clip]) -> list[str]:
    titles = ["weights"]
    for part in parts:
        light = f" in {part.light} light" if part.light else ""
        images = f"{part.dataset.name}{light}"
        titles += [
            f"{images}, AP50 / AP",
            f"{images}, AP50 beyond the first's",
            f"{images}, AP50 of persons",
            f"{images}, persons where 80 % is right",
        ]
        if find_empty(part.dataset):
            titles.append(f"{images}, false per empty image from .25 / .5")
    titles += [f"frames of {clip.path.stem}, a person / an animal / nothing" for clip in clips]
    return [table_row(titles), f"|{'---|' * len(titles)}"]


def table_row(row: Sequence[str]) -> str:
    return f"| {' | '.join(row)} |"


def cells(part: Part, measured: Measured, first: Measured) -> list[str]:
    """Those of one part, in the order of the header; `first` is that of the first candidate."""
    scores = measured.scores
    persons = [
        source.classes[PERSON].ap50
        for source in scores.sources.values()
        if PERSON in source.classes
    ]
    shown = scores.shown
    assert shown is not None, "reports made today have it"
    found = shown.found.get(PERSONS)
    row = [
        f"{scores.ap50:.1f} / {scores.ap:.1f}",
        ABSENT if measured is first else difference_cell(first.matches, measured.matches),
        f"{mean(persons):.1f}" if persons else ABSENT,
        ABSENT if found is None else f"{found:.0f} %",
    ]
    if find_empty(part.dataset):  # of all that the set lists, as in the header; maybe none was read
        row.append(" / ".join(f"{empty.per_image:.2f}" for empty in shown.empty) or ABSENT)
    return row


def difference_cell(first: Sequence[SourceMatches], other: Sequence[SourceMatches]) -> str:
    """The difference, and between what 95 of 100 draws of the images have it."""
    difference = compare_models(first, other)
    if difference is None:
        return ABSENT
    value, low, high = difference
    return f"{value:+.1f} ({low:+.1f} to {high:+.1f})"


def clip_cell(counts: ClipCounts) -> str:
    groups = (str(counts.groups.get(name, ABSENT)) for name in (PERSONS, ANIMALS))
    return " / ".join([*groups, str(counts.empty)])
