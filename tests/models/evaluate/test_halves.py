"""The halves of an evaluation set: disjoint, together everything, and the same for ever."""

from pathlib import Path

import pytest

from models.evaluate.evaluation_set import EvalImage, EvaluationSet
from models.evaluate.halves import take_half

pytestmark = pytest.mark.torch

PINNED = ["0000", "0001", "0003", "0004", "0005", "0009"]  # of the reporting half of twelve


def make_set(**images_by_source: int) -> EvaluationSet:
    images = [
        EvalImage(1000 * place + i, f"{source}/{i:04}.webp", (10, 10), source, frozenset({1}))
        for place, (source, count) in enumerate(images_by_source.items())
        for i in range(count)
    ]
    return EvaluationSet(Path("val.json"), images, {1: "person"}, {})


def names(part: EvaluationSet) -> list[str]:
    return [image.file_name for image in part.images]


def test_halves_have_nothing_in_common_and_are_everything_together() -> None:
    whole = make_set(street=20, yard=7)
    choosing, reporting = take_half(whole, "choosing"), take_half(whole, "reporting")
    assert not set(names(choosing)) & set(names(reporting))
    assert sorted(names(choosing) + names(reporting)) == names(whole)


@pytest.mark.parametrize(("count", "choosing", "reporting"), [(20, 10, 10), (7, 4, 3), (1, 1, 0)])
def test_every_source_is_divided_in_two(count: int, choosing: int, reporting: int) -> None:
    whole = make_set(street=50, yard=count)
    parts = take_half(whole, "choosing"), take_half(whole, "reporting")
    counts = [sum(image.source == "yard" for image in part.images) for part in parts]
    assert counts == [choosing, reporting]


def test_images_keep_their_order() -> None:
    part = names(take_half(make_set(street=30), "reporting"))
    assert part == sorted(part)


def test_the_halves_never_change() -> None:
    part = names(take_half(make_set(street=12), "reporting"))
    assert [name[-9:-5] for name in part] == PINNED


def test_neighbours_in_time_are_not_dealt_out_in_turns() -> None:
    part = names(take_half(make_set(street=40), "choosing"))
    places = [int(name[-9:-5]) for name in part]
    assert places != list(range(0, 40, 2))
    assert places != list(range(20))
