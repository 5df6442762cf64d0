"""What is wrong at the hub is found."""

import pytest

from tests.fleet.verdict import judge


def event(board: str, seq: int) -> dict[str, object]:
    return {"id": f"{board}/r/yard/{seq}", "board": board, "camera": "yard", "seq": seq}


GOOD = [event("a", 0), event("b", 0), event("a", 1), event("b", 1)]


def test_what_is_there_once_and_in_order_is_good() -> None:
    verdict = judge({"a": 2, "b": 2}, GOOD)
    assert verdict.is_good
    assert str(verdict) == "4 events: each there once, in the order of its camera"


@pytest.mark.parametrize(
    ("told", "stored", "wrong"),
    [
        ({"a": 3, "b": 2}, GOOD, {"missing": 1}),
        ({"a": 2, "b": 2, "c": 1}, GOOD, {"missing": 1}),  # nothing of a board
        ({"a": 2, "b": 2}, [*GOOD, event("a", 1)], {"doubled": 1}),
        ({"a": 2, "b": 2}, [*GOOD, event("a", 2)], {"strange": 1}),
        ({"a": 2}, GOOD, {"strange": 2}),
        ({"a": 2, "b": 2}, GOOD[::-1], {"disordered": 2}),
        ({"a": 3, "b": 2}, [*GOOD, event("a", 9)], {"missing": 1, "strange": 1}),
    ],
)
def test_what_is_wrong_is_told(
    told: dict[str, int], stored: list[dict[str, object]], wrong: dict[str, int]
) -> None:
    verdict = judge(told, stored)
    names = ("missing", "doubled", "strange", "disordered")
    found = {name: value for name, value in verdict._asdict().items() if name in names and value}
    assert found == wrong
    assert not verdict.is_good
