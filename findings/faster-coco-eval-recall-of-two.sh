#!/usr/bin/env bash
# faster-coco-eval's extended_metrics finds more objects than there are: recalls of 2 and 3.
#
# Guess:   Of `COCOeval_faster.extended_metrics` AP and AP50 of each class are those of pycocotools,
#          and precision and recall those at the score with the best mean F1 of the classes, counted
#          from what pycocotools matches at an IoU of .5.
# Seen:    AP is right. As right counts each detection that has an object at any of the ten
#          thresholds. Where a surer detection lies worse (IoU .6) than one that is less sure (.8),
#          both have the object, the one up to .6 and the other from .65 on: one object has a recall
#          of 2, and the double does no harm to precision. Detections in a crowd, which count
#          neither way, are right ones, but the crowd is no object: a recall of 3. Of 320 random
#          objects, many found twice, 1.095 are found with a precision of .83; in truth it is .88
#          with .73. Nothing is raised.
# Version: faster-coco-eval 1.8.0, pycocotools 2.0.11, numpy 2.4.6, Python 3.11, Linux x86-64,
#          2026-12-02
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    faster-coco-eval==1.8.0 pycocotools==2.0.11 numpy==2.4.6

found=$("$folder/venv/bin/python" - <<'PYTHON'
import contextlib
import io

import faster_coco_eval
import numpy as np
from pycocotools import coco, cocoeval

IMAGES, OBJECTS, LABELS, SIDE = 40, 8, ("person", "bicycle"), 1000
rng = np.random.default_rng(0)


def judge(set_of, judge_of, truth, found):
    """Judges rows (image, label, box xywh, crowd) and (image, label, box, score)."""
    rows = [{"id": n + 1, "image_id": i, "category_id": c, "bbox": box, "iscrowd": crowd,
             "area": box[2] * box[3]} for n, (i, c, box, crowd) in enumerate(truth)]
    made = [{"image_id": i, "category_id": c, "bbox": box, "score": score}
            for i, c, box, score in found]
    images = [{"id": i, "width": SIDE, "height": SIDE} for i in range(1, IMAGES + 1)]
    labels = [{"id": c, "name": name} for c, name in enumerate(LABELS, 1)]
    with contextlib.redirect_stdout(io.StringIO()):
        known = set_of()
        known.dataset = {"images": images, "annotations": rows, "categories": labels}
        known.createIndex()
        judged = judge_of(known, known.loadRes(made), "bbox")
        judged.evaluate()
        judged.accumulate()
        judged.summarize()
    return judged


def count(truth, found):
    """AP, and precision and recall at the best mean F1, from pycocotools' matches at IoU .5."""
    judged = judge(coco.COCO, cocoeval.COCOeval, truth, found)
    scores, right = {}, {}
    for one in judged.evalImgs:
        if one and one["aRng"] == judged.params.areaRng[0] and one["maxDet"] == 100:
            counts = one["dtIgnore"][0] == 0
            label = one["category_id"]
            scores[label] = np.append(scores.get(label, []), np.array(one["dtScores"])[counts])
            right[label] = np.append(right.get(label, []), one["dtMatches"][0][counts] > 0)
    objects = {c: sum(label == c and not crowd for _, label, _, crowd in truth) for c in (1, 2)}
    best = (-1,)
    for least in sorted({score for *_, score in found}):
        each = []
        for label in (c for c in objects if objects[c]):
            above = scores.get(label, np.empty(0)) >= least
            hits = right[label][above].sum() if above.any() else 0
            precision, recall = hits / max(above.sum(), 1), hits / objects[label]
            each.append((2 * precision * recall / max(precision + recall, 1e-9), precision, recall))
        mean = np.mean(each, axis=0)
        best = max(best, (mean[0], -least, *mean[1:]))
    return judged.stats[0], best[2], best[3]


def draw():
    """Objects, and what finds them: most twice, now the surer one and now the other better."""
    truth, found = [], []
    for image in range(1, IMAGES + 1):
        for _ in range(OBJECTS):
            label, size = int(rng.integers(1, 3)), rng.uniform(30, 200, 2)
            box = np.concatenate([rng.uniform(0, SIDE - 200, 2), size])
            truth.append((image, label, box.tolist(), 0))
            for chance in (0.85, 0.5):
                if rng.random() < chance:
                    moved = box + np.tile(size, 2) * rng.normal(0, 0.08, 4)
                    found.append((image, label, moved.tolist(), float(rng.random())))
    return truth, found


one, crowd = [100, 100, 100, 100], [400, 400, 300, 300]
six, eight = [100, 100, 100, 60], [100, 100, 100, 80]  # their IoU with `one`: .6 and .8
cases = {
    "one object, found twice, the surer one better": (
        [(1, 1, one, 0)], [(1, 1, eight, 0.9), (1, 1, six, 0.8)]),
    "one object, found twice, the surer one worse": (
        [(1, 1, one, 0)], [(1, 1, six, 0.9), (1, 1, eight, 0.8)]),
    "one object, and two found in a crowd": (
        [(1, 1, one, 0), (1, 1, crowd, 1)],
        [(1, 1, one, 0.9), (1, 1, [410, 410, 50, 50], 0.95), (1, 1, [510, 510, 50, 50], 0.95)]),
    f"{IMAGES * OBJECTS} objects": draw(),
}
for title, (truth, found) in cases.items():
    print(f"{title}:")
    mean_ap, precision, recall = count(truth, found)
    print(f"  pycocotools      AP {mean_ap:.3f} precision {precision:.3f} recall {recall:.3f}")
    told = judge(faster_coco_eval.COCO, faster_coco_eval.COCOeval_faster, truth, found)
    more = told.extended_metrics
    print(f"  extended_metrics AP {told.stats[0]:.3f} precision {more['precision']:.3f} "
          f"recall {more['recall']:.3f}")
PYTHON
)
echo "$found"
expected="\
one object, found twice, the surer one better:
  pycocotools      AP 0.700 precision 1.000 recall 1.000
  extended_metrics AP 0.700 precision 1.000 recall 1.000
one object, found twice, the surer one worse:
  pycocotools      AP 0.500 precision 1.000 recall 1.000
  extended_metrics AP 0.500 precision 1.000 recall 2.000
one object, and two found in a crowd:
  pycocotools      AP 1.000 precision 1.000 recall 1.000
  extended_metrics AP 1.000 precision 1.000 recall 3.000
320 objects:
  pycocotools      AP 0.381 precision 0.734 recall 0.876
  extended_metrics AP 0.381 precision 0.827 recall 1.095"
[[ $found == "$expected" ]] || { echo "expected:"; echo "$expected"; exit 1; } >&2
