#!/usr/bin/env bash
# In powerboxes the IoU of a turned box with itself may be 57 or -83, and NMS keeps both of two.
#
# Guess:   IoU, GIoU and NMS of powerboxes are those of numpy within 1e-6, for all its types of
#          numbers, and those of turned boxes are a polygon clip's within 1e-3.
# Seen:    NMS of boxes that are not turned is right for all types, and so is the IoU of floats and
#          of 32 bits. Of turned boxes that lie exactly on each other, as those of a parked car may
#          from frame to frame, or of one object in two slices, one in seven has an IoU that is not
#          1, below 0 and far above 1 too; a hundredth of a pixel apart all are right. NMS of turned
#          boxes, with an R-tree or not, keeps up to one in a hundred of such doubles. Areas of 16
#          bits, which have room for the pixels of a picture of 1920 x 1080, run over: half of the
#          IoUs are wrong with int16, a quarter with uint16. Nothing is raised.
# Version: powerboxes 0.3.1, numpy 2.4.6, Python 3.11, Linux x86-64, 2026-12-02
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    powerboxes==0.3.1 numpy==2.4.6

found=$("$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import powerboxes as pb

COUNT, WIDTH, HEIGHT = 2000, 1920, 1080
rng = np.random.default_rng(0)


def turn(degrees):
    """Boxes (cx, cy, w, h, angle) of whole pixels in a picture."""
    places = rng.integers((0, 0), (WIDTH, HEIGHT), (COUNT, 2))
    return np.column_stack([places, rng.integers(10, 200, (COUNT, 2)), degrees]).astype(float)


def say(title, overlaps, expected):
    off = np.abs(overlaps - expected) > 0.01
    print(f"{title}: {off.sum()} of {len(overlaps)} off", end="")
    print(f", IoU from {overlaps[off].min():.2f} to {overlaps[off].max():.2f}" if off.any() else "")


turned = {
    "not turned": turn(np.zeros(COUNT)),
    "by 45 degrees": turn(np.full(COUNT, 45)),
    "by any angle": turn(rng.uniform(-90, 90, COUNT)),
}
for title, boxes in turned.items():
    pairs = [(box[None], box[None]) for box in boxes]
    one = np.array([1 - pb.rotated_iou_distance(*pair)[0, 0] for pair in pairs])
    say(f"box with itself, {title}", one, 1)
    twice = [np.concatenate(pair) for pair in pairs]
    for nms in (pb.rotated_nms, pb.rtree_rotated_nms):
        kept = sum(len(nms(two, np.array([0.9, 0.8]), 0.5, 0.1)) == 2 for two in twice)
        print(f"  {nms.__name__} keeps both of two: {kept}")

moved = turned["by any angle"] + (0.01, 0.01, 0, 0, 0)
one = [pb.rotated_iou_distance(a[None], b[None]) for a, b in zip(turned["by any angle"], moved)]
say("box with itself a hundredth of a pixel on", 1 - np.ravel(one), 1)

corners = rng.integers((0, 0), (WIDTH - 400, HEIGHT - 400), (COUNT, 2))
boxes = np.column_stack([corners, corners + rng.integers(10, 400, (COUNT, 2))])
other = boxes + np.tile(rng.integers(0, 100, (COUNT, 2)), 2)
overlaps = {
    kind: 1 - np.ravel([pb.iou_distance(a[None].astype(kind), b[None].astype(kind))
                        for a, b in zip(boxes, other)])
    for kind in ("float64", "float32", "int32", "uint16", "int16")
}
for kind, one in overlaps.items():
    say(f"boxes of {kind}", one, overlaps["float64"])
PYTHON
)
echo "$found"
expected="\
box with itself, not turned: 0 of 2000 off
  rotated_nms keeps both of two: 0
  rtree_rotated_nms keeps both of two: 0
box with itself, by 45 degrees: 289 of 2000 off, IoU from -83.06 to 20.83
  rotated_nms keeps both of two: 23
  rtree_rotated_nms keeps both of two: 23
box with itself, by any angle: 288 of 2000 off, IoU from -3.02 to 57.10
  rotated_nms keeps both of two: 11
  rtree_rotated_nms keeps both of two: 11
box with itself a hundredth of a pixel on: 0 of 2000 off
boxes of float64: 0 of 2000 off
boxes of float32: 0 of 2000 off
boxes of int32: 0 of 2000 off
boxes of uint16: 457 of 2000 off, IoU from 0.01 to 1.00
boxes of int16: 958 of 2000 off, IoU from -114.48 to 394.09"
[[ $found == "$expected" ]] || { echo "expected:"; echo "$expected"; exit 1; } >&2
