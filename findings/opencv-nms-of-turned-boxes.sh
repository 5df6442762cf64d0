#!/usr/bin/env bash
# OpenCV's NMSBoxesRotated takes a box that is inside another for the same box.
#
# Guess:   Of random boxes, turned by any angle, it leaves what greedy NMS leaves with the overlap
#          (IoU) that shapely gives.
# Seen:    Where one box is inside the other, their overlap counts as 1, whatever their sizes. So a
#          box of 20 x 10 in one of 100 x 60, whose overlap is .033, is left out, even at a
#          threshold of .99; NMSBoxes, which takes boxes that are not turned, keeps it. Of random
#          boxes this is the one difference: greedy NMS that counts so leaves the very same. A boat
#          in the outline of a ship, or a car in that of a long load, is lost. Nothing is raised.
# Version: opencv-python-headless 5.0.0.93, shapely 2.2.0, numpy 2.4.6, Python 3.11, Linux x86-64,
#          2026-12-01
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    opencv-python-headless==5.0.0.93 shapely==2.2.0 numpy==2.4.6

found=$("$folder/venv/bin/python" - <<'PYTHON'
import cv2
import numpy as np
import shapely

SETS, BOXES, THRESHOLD = 10, 80, 0.3


def upright(box):
    """x, y, width and height of a box that is not turned."""
    (x, y), (width, height), _ = box
    return [x - width / 2, y - height / 2, width, height]


def overlaps(boxes):
    """The overlaps of all boxes with all, (N, N), and the same with 1 where one is inside."""
    outlines = np.array([shapely.Polygon(cv2.boxPoints(box)) for box in boxes])
    areas = shapely.area(outlines)
    shared = shapely.area(shapely.intersection(outlines[:, None], outlines[None]))
    iou = shared / (areas[:, None] + areas[None] - shared)
    # The corners are single precision.
    is_inside = shared > np.minimum(areas[:, None], areas[None]) * (1 - 1e-4)
    return iou, np.where(is_inside, 1, iou)


def greedy(iou, scores, threshold):
    left, kept = np.argsort(-scores).tolist(), set()
    while left:
        best = left.pop(0)
        kept.add(best)
        left = [i for i in left if iou[best, i] <= threshold]
    return kept


def suppress(kind, boxes, scores, threshold):
    return {int(i) for i in kind(boxes, scores.tolist(), 0.0, threshold)}


two = [((200.0, 200.0), (100.0, 60.0)), ((210.0, 205.0), (20.0, 10.0))]
scores = np.array([0.9, 0.8], np.float32)
for angle in (0.0, 30.0):
    boxes = [(*box, angle) for box in two]
    iou = overlaps(boxes)[0][0, 1]
    for threshold in (0.1, 0.99):
        left = len(suppress(cv2.dnn.NMSBoxesRotated, boxes, scores, threshold))
        print(f"two with an overlap of {iou:.3f}, turned by {angle:.0f}, {threshold}: {left} left")
left = len(suppress(cv2.dnn.NMSBoxes, [upright(box) for box in boxes], scores, 0.1))
print(f"NMSBoxes, 0.1: {left} left")

rng = np.random.default_rng(0)
for turned in (0, 180):
    left = rotated = counted_so = unturned = 0
    for _ in range(SETS):
        centres, sizes = rng.uniform(0, 600, (BOXES, 2)), rng.uniform(5, 150, (BOXES, 2))
        values = np.column_stack([centres, sizes, rng.uniform(-turned, turned, BOXES)])
        boxes = [(row[:2], row[2:4], row[4]) for row in values.astype(np.float32).tolist()]
        scores = (rng.permutation(BOXES) / BOXES * 0.9 + 0.05).astype(np.float32)
        iou, iou_with_inside_as_one = overlaps(boxes)
        expected = greedy(iou, scores, THRESHOLD)
        got = suppress(cv2.dnn.NMSBoxesRotated, boxes, scores, THRESHOLD)
        left += len(expected)
        rotated += len(got ^ expected)
        counted_so += len(got ^ greedy(iou_with_inside_as_one, scores, THRESHOLD))
        if turned == 0:
            plain = [upright(box) for box in boxes]
            unturned += len(suppress(cv2.dnn.NMSBoxes, plain, scores, THRESHOLD) ^ expected)
    print(f"{SETS} x {BOXES} boxes, turned by up to {turned}: {left} left by shapely's overlaps, "
          f"NMSBoxesRotated otherwise {rotated}, with 1 where one is inside {counted_so}")
    if turned == 0:
        print(f"the same, NMSBoxes otherwise {unturned}")
PYTHON
)
echo "$found"
expected="\
two with an overlap of 0.033, turned by 0, 0.1: 1 left
two with an overlap of 0.033, turned by 0, 0.99: 1 left
two with an overlap of 0.033, turned by 30, 0.1: 1 left
two with an overlap of 0.033, turned by 30, 0.99: 1 left
NMSBoxes, 0.1: 2 left
10 x 80 boxes, turned by up to 0: 687 left by shapely's overlaps, \
NMSBoxesRotated otherwise 55, with 1 where one is inside 0
the same, NMSBoxes otherwise 0
10 x 80 boxes, turned by up to 180: 669 left by shapely's overlaps, \
NMSBoxesRotated otherwise 42, with 1 where one is inside 0"
[[ $found == "$expected" ]] || { echo "expected:"; echo "$expected"; exit 1; } >&2
