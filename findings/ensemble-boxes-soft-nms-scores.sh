#!/usr/bin/env bash
# ensemble-boxes' soft_nms gives the scores back as they went in.
#
# Guess:   Scores decay as in the paper (Bodla et al., ICCV 2017, equations 2 and 3), within 1e-6 of
#          a reading of it in numpy, and the boxes come out by their new scores.
# Seen:    Scores decay inside, and decide which boxes are left out (below `thresh`). What comes out
#          are the old scores: two boxes that overlap by .9 keep .9 and .8, where the paper's second
#          one has .158 (gaussian, sigma .5). The threshold leaves out what it has to. By these
#          scores duplicates rank as high as they did without any NMS.
# Version: ensemble-boxes 1.0.9, numba 0.68.1, numpy 2.4.6, Python 3.11, Linux x86-64, 2026-11-30
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    ensemble-boxes==1.0.9 numba==0.68.1 numpy==2.4.6

found=$("$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
from ensemble_boxes import soft_nms

LINEAR, GAUSSIAN = 1, 2


def overlap(a, b):
    inside = np.prod(np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None))
    return inside / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - inside)


def decayed(boxes, scores, method, sigma=0.5, threshold=0.5):
    """The paper's loop: take the best one, lower the others."""
    scores, left = scores.astype(float), set(range(len(scores)))
    while left:
        best = max(left, key=lambda i: scores[i])
        left.remove(best)
        for i in left:
            iou = overlap(boxes[best], boxes[i])
            if method == GAUSSIAN:
                scores[i] *= np.exp(-iou * iou / sigma)
            elif iou > threshold:
                scores[i] *= 1 - iou
    return scores


def look(name, boxes, scores, method, thresh):
    zeros = np.zeros(len(scores))
    kept, out, _ = soft_nms([boxes], [scores], [zeros], method=method, thresh=thresh)
    places = [int(np.abs(boxes - box).sum(1).argmin()) for box in kept]
    paper = decayed(boxes, scores, method)
    old = bool(np.array_equal(out, scores[places]))
    same = int((np.abs(out - paper[places]) < 1e-3).sum())
    left_out = int((paper < thresh).sum())
    print(f"{name}: {len(out)} of {len(scores)} boxes, {left_out} below the threshold by the paper,"
          f" old scores: {old}, the paper's: {same}")


two = np.array([[0.1, 0.1, 0.5, 0.5], [0.1, 0.1, 0.5, 0.46]], np.float32)
score = np.array([0.9, 0.8], np.float32)
look("two, gaussian", two, score, GAUSSIAN, 0.001)
print("the paper's:", decayed(two, score, GAUSSIAN).round(3).tolist())
random = np.random.default_rng(0)
begin = random.uniform(0, 0.6, (60, 2))
boxes = np.concatenate([begin, begin + random.uniform(0.05, 0.4, (60, 2))], axis=1)
boxes, scores = boxes.astype(np.float32), random.uniform(0.05, 1, 60).astype(np.float32)
look("sixty, gaussian", boxes, scores, GAUSSIAN, 0.1)
look("sixty, linear", boxes, scores, LINEAR, 0.1)
PYTHON
)
echo "$found"
expected="two, gaussian: 2 of 2 boxes, 0 below the threshold by the paper, old scores: True, the paper's: 1
the paper's: [0.9, 0.158]
sixty, gaussian: 46 of 60 boxes, 14 below the threshold by the paper, old scores: True, the paper's: 5
sixty, linear: 57 of 60 boxes, 3 below the threshold by the paper, old scores: True, the paper's: 49"
[ "$found" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
