#!/usr/bin/env bash
# libavformat takes the wrap of a transport stream's clock away once, and then puts in its own.
#
# Guess:   The clock of MPEG-TS has 33 bits and wraps after 26.5 h. libavformat unwraps it
#          (`correct_ts_overflow`, on by default), so the times of a stream of 80 h only grow.
# Seen:    Times are kept within one round of 26.5 h that begins up to a minute before the first
#          picture. So the true wrap is not seen, and at the end of each such round all times go
#          back by 2^33 ticks, where the stream's own clock has no step at all. With
#          `correct_ts_overflow` 0 the step is where the clock wraps. A stream that begins within
#          the minute before a wrap begins below zero.
# Version: av 18.1.0 (FFmpeg 8.1.2), numpy 2.4.6, Python 3.11, Linux x86-64, 2026-11-30
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6

found=$(cd "$folder" && venv/bin/python - <<'PYTHON'
from fractions import Fraction

import av
import numpy as np

SECOND, ROUND = 90_000, 1 << 33
EVERY_S, HOURS = 60, 80  # one picture a minute


def write(first):
    """A stream of 80 h whose clock stands at `first` ticks in the beginning."""
    with av.open("long.ts", "w", format="mpegts") as container:
        video = container.add_stream("mpeg2video", rate=25)
        video.width = video.height = 64
        video.pix_fmt, video.gop_size = "yuv420p", 1
        frames = [av.VideoFrame(64, 64, "yuv420p") for _ in range(HOURS * 3600 // EVERY_S)]
        for number, frame in enumerate(frames):
            frame.pts, frame.time_base = number, Fraction(1, 25)
        packets = [packet for frame in frames for packet in video.encode(frame)] + video.encode()
        for number, packet in enumerate(packets):
            packet.time_base = Fraction(1, SECOND)
            packet.pts = packet.dts = first + number * EVERY_S * SECOND
            container.mux(packet)
    return len(packets)


def read(written, **options):
    """Hours after the beginning where times go back, by how many ticks; the first time, s."""
    with av.open("long.ts", options=options) as container:
        times = np.array([p.pts for p in container.demux(video=0) if p.pts is not None])
    assert len(times) == written
    steps = np.diff(times)
    back = np.flatnonzero(steps < 0)
    by = {int(EVERY_S * SECOND - steps[i]) for i in back}
    hours = " ".join(f"{(i + 1) * EVERY_S / 3600:.1f}" for i in back)
    far = "one round" if by == {ROUND} else by
    return f"from {times[0] / SECOND:.0f} s on: back by {far} after {hours} h"


for title, first in (
    ("clock begins at 1 h", 3600 * SECOND),
    ("clock begins 10 min before its wrap", ROUND - 600 * SECOND),
    ("clock begins 30 s before its wrap", ROUND - 30 * SECOND),
):
    written = write(first)
    print(f"{title}, {read(written)}")
    print(f"{title}, raw, {read(written, correct_ts_overflow='0')}")
PYTHON
)
echo "$found"
expected="\
clock begins at 1 h, from 3600 s on: back by one round after 26.5 53.0 79.5 h
clock begins at 1 h, raw, from 3600 s on: back by one round after 25.5 52.0 78.5 h
clock begins 10 min before its wrap, from 94844 s on: back by one round after 26.5 53.0 79.5 h
clock begins 10 min before its wrap, raw, from 94844 s on: back by one round after 0.2 26.7 53.2 79.7 h
clock begins 30 s before its wrap, from -30 s on: back by one round after 26.5 53.0 79.5 h
clock begins 30 s before its wrap, raw, from 95414 s on: back by one round after 0.0 26.5 53.0 79.5 h"
[[ $found == "$expected" ]] || { echo "expected:"; echo "$expected"; exit 1; } >&2
