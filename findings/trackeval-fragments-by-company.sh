#!/usr/bin/env bash
# TrackEval's fragmentations and switches of one object depend on whether another is tracked.
#
# Guess:   `Frag` of TrackEval's CLEAR and `num_fragmentations` of motmetrics are 1 for an object
#          that is there all along and whose track is lost for five pictures. Fragmentations and
#          switches are the same with or without another object, far away and found each time.
# Seen:    In pictures where nothing at all is tracked, or nothing is there, TrackEval leaves what
#          it remembers of the picture before as it is. So an object that is lost alone has Frag 0,
#          and 1 if another is tracked meanwhile. One that leaves the view and comes back, and is
#          found in every picture where it is, has Frag 0 alone and 1 in company. Where a second
#          box lies better after the gap, there is no switch alone and one in company, which costs
#          .033 of MOTA, though all that was added is right. Of 40 objects Frag is 0 when each is
#          judged alone, and 61 when the same are judged together. The port of it in `trackers`
#          does the same. motmetrics says 1, 0, 1 and 27, alone or in company. Nothing is raised.
# Version: trackeval 1.3.0, trackers 2.6.1, motmetrics 1.4.0, numpy 2.4.6, Python 3.11,
#          Linux x86-64, 2026-12-02
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    trackeval==1.3.0 trackers==2.6.1 motmetrics==1.4.0 numpy==2.4.6

found=$("$folder/venv/bin/python" -W ignore - <<'PYTHON'
import motmetrics
import numpy as np
from trackers.eval import compute_clear_metrics
from trackeval.metrics import CLEAR

NAMES = ["num_switches", "num_fragmentations", "mota"]


def overlap(one, other):
    """The IoU of each box of one with each of the other."""
    one, other = (np.array(list(boxes.values()), float).reshape(-1, 4) for boxes in (one, other))
    low = np.maximum(one[:, None, :2], other[:, :2])
    common = np.clip(np.minimum(one[:, None, 2:], other[:, 2:]) - low, 0, None).prod(2)
    first, second = ((boxes[:, 2:] - boxes[:, :2]).prod(1) for boxes in (one, other))
    return common / (first[:, None] + second - common)


def number(pictures):
    """The ids of each picture, counted from 0, and how many there are."""
    known = {name: n for n, name in enumerate(sorted(set().union(*pictures)))}
    return [np.array([known[name] for name in boxes], int) for boxes in pictures], len(known)


def judge(truth, tracks):
    """Switches, fragmentations and MOTA by each; both are {id: box} for each picture."""
    (there, objects), (found, ids) = number(truth), number(tracks)
    shared = [overlap(*pair) for pair in zip(truth, tracks)]
    first = CLEAR({"PRINT_CONFIG": False}).eval_sequence({
        "gt_ids": there, "num_gt_ids": objects, "num_gt_dets": sum(map(len, there)),
        "tracker_ids": found, "num_tracker_ids": ids, "num_tracker_dets": sum(map(len, found)),
        "similarity_scores": shared, "num_timesteps": len(truth)})
    second = compute_clear_metrics(there, found, shared)
    events = motmetrics.MOTAccumulator(auto_id=True)
    for one, other, share in zip(there, found, shared):
        events.update(one, other, np.where(share < 0.5, np.nan, 1 - share))
    third = motmetrics.metrics.create().compute(events, metrics=NAMES).iloc[0]
    return [[float(one[name]) for name in names] for one, names in (
        (first, ("IDSW", "Frag", "MOTA")), (second, ("IDSW", "Frag", "MOTA")), (third, NAMES))]


def tell(title, rows):
    print(f"  {title}:\n    " + ", ".join(
        f"{name} {row[0]:.0f} {row[1]:.0f} {row[2]:.3f}"
        for name, row in zip(("TrackEval", "trackers", "motmetrics"), rows)))


box, far = (0, 0, 100, 100), (500, 500, 600, 600)
seven, nine = (0, 0, 100, 70), (0, 0, 100, 90)  # their IoU with `box`: .7 and .9
all_along, gap = [{1: box}] * 15, [{1: box}] * 5 + [{}] * 5 + [{1: box}] * 5
print("switches, fragmentations and MOTA of 15 pictures:")
for title, truth, tracks in (
    ("lost for five", all_along, gap),
    ("away for five, never lost", gap, gap),
    ("lost for five, then found twice", all_along, gap[:10] + [{1: seven, 3: nine}] * 5),
):
    tell(f"{title}, alone", judge(truth, tracks))
    tell(f"{title}, in company", judge(*(
        [{**boxes, 2: far} for boxes in pictures] for pictures in (truth, tracks))))

# Objects far apart, of 60 pictures each. Some go away for a while, some tracks are lost.
rng = np.random.default_rng(0)
truth, tracks = ([{} for _ in range(300)] for _ in range(2))
for name in range(40):
    place = (200 * name, 0, 200 * name + 100, 100)
    start, away, lost = rng.integers(240), rng.random() < 0.9, rng.random() < 0.8
    for picture in range(60):
        if not (away and 15 <= picture < 25):
            truth[start + picture][name] = place
            if not (lost and 40 <= picture < 45):
                tracks[start + picture][name] = place
print("switches, fragmentations and MOTA of 40 objects:")
single = [judge(*([{k: box for k, box in boxes.items() if k == name} for boxes in pictures]
                  for pictures in (truth, tracks))) for name in range(40)]
tell("each alone: sums, and the mean MOTA", np.sum(single, axis=0) * [1, 1, 1 / len(single)])
tell("together", judge(truth, tracks))
PYTHON
)
echo "$found"
expected="\
switches, fragmentations and MOTA of 15 pictures:
  lost for five, alone:
    TrackEval 0 0 0.667, trackers 0 0 0.667, motmetrics 0 1 0.667
  lost for five, in company:
    TrackEval 0 1 0.833, trackers 0 1 0.833, motmetrics 0 1 0.833
  away for five, never lost, alone:
    TrackEval 0 0 1.000, trackers 0 0 1.000, motmetrics 0 0 1.000
  away for five, never lost, in company:
    TrackEval 0 1 1.000, trackers 0 1 1.000, motmetrics 0 0 1.000
  lost for five, then found twice, alone:
    TrackEval 0 0 0.333, trackers 0 0 0.333, motmetrics 0 1 0.333
  lost for five, then found twice, in company:
    TrackEval 1 1 0.633, trackers 1 1 0.633, motmetrics 0 1 0.667
switches, fragmentations and MOTA of 40 objects:
  each alone: sums, and the mean MOTA:
    TrackEval 0 0 0.935, trackers 0 0 0.935, motmetrics 0 27 0.935
  together:
    TrackEval 0 61 0.934, trackers 0 61 0.934, motmetrics 0 27 0.934"
[[ $found == "$expected" ]] || { echo "expected:"; echo "$expected"; exit 1; } >&2
