#!/usr/bin/env bash
# supervision's LineZone counts who walks around the end of the line.
#
# Guess:   It counts crossings of the segment between `start` and `end`: who goes through it counts
#          once, there and back once each way, and who goes around its end not at all.
# Seen:    Through it once, there and back once each way. Around the end counts as through it: what
#          is remembered is the side on which an object was last seen beside the segment, not its
#          path. With one anchor or all four, however many pictures the way around takes. Three
#          rounds around the end and back through the line have `in` 3, though nobody came in there.
# Version: supervision 0.31.2, numpy 2.4.6, Python 3.11, Linux x86-64, 2026-11-30
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    supervision==0.31.2 numpy==2.4.6

found=$("$folder/venv/bin/python" -W ignore - 2>/dev/null <<'PYTHON'
import numpy as np
import supervision as sv

FOUR = None
ONE = [sv.Position.BOTTOM_CENTER]
STEP = 10  # pixels a picture


def walk(*corners):
    """Where somebody is, picture by picture, who goes from corner to corner."""
    points = [np.array(corners[0], float)]
    for target in map(np.array, corners[1:]):
        while np.any(points[-1] != target):
            way = target - points[-1]
            points.append(points[-1] + np.clip(way, -STEP, STEP))
    return points


def count(path, anchors):
    options = {} if anchors is None else {"triggering_anchors": anchors}
    line = sv.LineZone(start=sv.Point(100, 100), end=sv.Point(100, 300), **options)
    for x, y in path:
        line.trigger(sv.Detections(
            xyxy=np.array([[x - 10, y - 20, x + 10, y + 20]]), class_id=np.array([0]),
            confidence=np.array([0.9]), tracker_id=np.array([1])))
    return f"in {line.in_count}, out {line.out_count}"


left, right = (50, 200), (150, 200)
around = (left, (50, 400), (150, 400), right)
for title, corners in (
    ("through", (left, right)),
    ("through and back", (left, right, left)),
    ("around the end", around),
    ("three rounds, around and back through", (around + (left,)) * 3),
):
    path = walk(*corners)
    print(f"{title}: one anchor {count(path, ONE)}; four {count(path, FOUR)}")
PYTHON
)
echo "$found"
expected="through: one anchor in 1, out 0; four in 1, out 0
through and back: one anchor in 1, out 1; four in 1, out 1
around the end: one anchor in 1, out 0; four in 1, out 0
three rounds, around and back through: one anchor in 3, out 3; four in 3, out 3"
[[ $found == "$expected" ]] || { echo "expected: $expected" >&2; exit 1; }
