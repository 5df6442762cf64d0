"""Two recordings of the same frames, beside each other."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.arm.difference import compare, read_recording

THRESHOLD = 0.3


def found(label: str, score: float, *box: float) -> dict[str, Any]:
    return {"label": label, "score": score, "box": list(box)}


CAR = found("car", 0.9, 10, 10, 50, 50)
DOG = found("dog", 0.4, 10, 10, 50, 50)


def test_the_same_is_no_difference() -> None:
    difference = compare([[CAR, DOG], []], [[DOG, CAR], []], THRESHOLD)
    assert difference == (2, 2, 0, 0.0, 0.0)


def test_the_largest_difference_of_an_object_counts() -> None:
    moved = found("car", 0.85, 10, 10.5, 50, 48)
    other = found("car", 0.9, 200, 10, 250, 50)
    difference = compare([[CAR, other]], [[other, moved]], THRESHOLD)
    assert (difference.alone, difference.box_px) == (0, 2)
    assert difference.score == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([CAR], []),
        ([], [CAR]),
        ([CAR], [found("bus", 0.9, 10, 10, 50, 50), CAR]),
        ([CAR], [CAR, CAR]),  # one of them is of no other
        ([CAR, found("car", 0.9, 90, 90, 120, 120)], [CAR]),
    ],
)
def test_an_object_that_one_alone_has_is_told(one: list[Any], other: list[Any]) -> None:
    assert compare([one], [other], THRESHOLD).alone == 1


def test_an_object_at_the_threshold_may_be_on_either_side_of_it() -> None:
    assert compare([[found("car", 0.33, 1, 1, 9, 9)]], [[]], THRESHOLD).alone == 0


def test_as_many_frames_are_expected() -> None:
    with pytest.raises(ValueError, match="expected 1 frames, got 2"):
        compare([[]], [[], []], THRESHOLD)


def test_messages_of_detections_alone_are_frames(tmp_path: Path) -> None:
    lines = [{"type": "status"}, {"type": "detections", "detections": [CAR]}]
    path = tmp_path / "out.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert read_recording(path) == [[CAR]]
