#!/usr/bin/env bash
# edgefirst-tracker is told the time of each frame, and yet its ids depend on the frame rate.
#
# Guess:   One person who walks at 60 px a second, boxes of 40 x 100 px without any noise, tracks
#          that live for two seconds. One id at 25, 10 and 5 frames a second, since each update is
#          told the time and the boxes of two frames overlap by half (IoU .54 at 5 fps). At 2 frames
#          a second (IoU .14) a new id now and then.
# Seen:    One id at 25 and at 10 frames a second; 34 in the 100 frames at 5, and a new one in each
#          of the 40 frames at 2. The person is reported in every frame, so nothing looks lost.
# Version: edgefirst-tracker 0.38.0, numpy 2.4.6, Python 3.11, Linux x86-64, 2026-11-30
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    edgefirst-tracker==0.38.0 numpy==2.4.6

found=$("$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
from edgefirst.tracker import ByteTrack

SECONDS, SPEED = 20, 60
for fps in (25, 10, 5, 2):
    tracker = ByteTrack(high_conf=0.5, lifespan_ns=2_000_000_000)
    ids, reported = set(), 0
    for frame in range(SECONDS * fps):
        x = 10 + SPEED * frame / fps
        boxes = np.array([[x, 100, x + 40, 200]], np.float32)
        one = np.ones(1, np.float32)
        tracks = tracker.update(boxes, 0.9 * one, np.zeros(1, np.uintp), round(1e9 * frame / fps))
        ids |= {track.uuid for track in tracks if track is not None}
        reported += tracks[0] is not None
    print(f"{fps} fps: {len(ids)} ids, reported in {reported} of {SECONDS * fps} frames")
PYTHON
)
echo "$found"
expected="25 fps: 1 ids, reported in 500 of 500 frames
10 fps: 1 ids, reported in 200 of 200 frames
5 fps: 34 ids, reported in 100 of 100 frames
2 fps: 40 ids, reported in 40 of 40 frames"
[ "$found" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
