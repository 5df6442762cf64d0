#!/usr/bin/env bash
# OpenCV's NMSBoxesBatched leaves out boxes for those of another class where places are negative.
#
# Guess:   NMSBoxesBatched, whose text is that it "performs batched non maximum suppression on given
#          boxes and corresponding scores across different classes", leaves of random boxes what
#          NMSBoxes leaves of each class by itself, also where corners are negative.
# Seen:    So it is where no corner is negative, and in -1..1. Elsewhere boxes of one class leave
#          out those of another that they do not touch: it moves class k by k times the greatest
#          coordinate + 1, which parts classes only from 0 on. A box of class 1 at -30 m lies on one
#          of class 0 at 21 m, where boxes go to 50 m. In coordinates about a middle, as those of a
#          picture from above or of a lidar, 3 in 100 are decided otherwise. Nothing is raised.
# Version: opencv-python-headless 5.0.0.93, numpy 2.4.6, Python 3.11, Linux x86-64, 2026-12-01
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    opencv-python-headless==5.0.0.93 numpy==2.4.6

found=$("$folder/venv/bin/python" - <<'PYTHON'
import cv2
import numpy as np

SETS, BOXES, CLASSES, THRESHOLD = 20, 300, 3, 0.3


def by_class(boxes, scores, ids):
    kept = set()
    for k in range(CLASSES):
        of_class = np.flatnonzero(ids == k)
        left = cv2.dnn.NMSBoxes(
            boxes[of_class].tolist(), scores[of_class].tolist(), 0.0, THRESHOLD)
        kept.update(of_class[np.asarray(left, int)].tolist())
    return kept


def batched(boxes, scores, ids):
    left = cv2.dnn.NMSBoxesBatched(
        boxes.tolist(), scores.tolist(), ids.tolist(), 0.0, THRESHOLD)
    return {int(i) for i in left}


# x, y, width, height: a box of class 0 that ends at 50, and two that are far from each other
boxes = np.array([[40, 40, 10, 10], [21, 21, 4, 4], [-30, -30, 4, 4]], float)
scores, ids = np.array([0.9, 0.8, 0.7], np.float32), np.array([0, 0, 1])
for moved in (0, 30):
    there = boxes + (moved, moved, 0, 0)
    print(f"three that do not touch, moved by {moved}: {len(by_class(there, scores, ids))} left by "
          f"class, {len(batched(there, scores, ids))} batched")

rng = np.random.default_rng(0)
for title, lowest, highest, smallest, largest in (
    ("0 to 100", 0, 100, 4, 20),
    ("-50 to 50", -50, 50, 4, 20),
    ("-1 to 1", -1, 1, 0.05, 0.4),
):
    left = otherwise = 0
    for _ in range(SETS):
        places = rng.uniform(lowest, highest, (BOXES, 2))
        boxes = np.concatenate([places, rng.uniform(smallest, largest, (BOXES, 2))], axis=1)
        scores = (rng.permutation(BOXES) / BOXES * 0.9 + 0.05).astype(np.float32)
        ids = rng.integers(0, CLASSES, BOXES)
        expected = by_class(boxes, scores, ids)
        left += len(expected)
        otherwise += len(expected ^ batched(boxes, scores, ids))
    print(f"{SETS} x {BOXES} boxes, {title}: {left} left by class, batched otherwise {otherwise}")
PYTHON
)
echo "$found"
expected="\
three that do not touch, moved by 0: 3 left by class, 2 batched
three that do not touch, moved by 30: 3 left by class, 3 batched
20 x 300 boxes, 0 to 100: 4645 left by class, batched otherwise 0
20 x 300 boxes, -50 to 50: 4702 left by class, batched otherwise 137
20 x 300 boxes, -1 to 1: 4962 left by class, batched otherwise 0"
[[ $found == "$expected" ]] || { echo "expected:"; echo "$expected"; exit 1; } >&2
