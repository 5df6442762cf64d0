#!/usr/bin/env bash
# FFmpeg's FLV muxer goes back to the beginning after 24.9 days.
#
# Guess:   FLV has 32 bits of milliseconds. The times of a stream of 60 days, as a camera sends it by
#          RTMP, only grow for 49.7 days, and go back by 2^32 ms there.
# Seen:    The reader does so: of a sender that uses all bits the times go back once, after 49.7
#          days. The muxer leaves the highest bit out: its clock is at 0 again after 24.9 days, and
#          after 49.7 once more. No error is raised, and Matroska keeps 60 days of the same
#          packets. Whoever takes wraps of 32 bits away has a step of 24.9 days with the one, and
#          whoever takes wraps of 31 bits away with the other: the stream does not tell which it is.
# Version: av 18.1.0 (FFmpeg 8.1.2), numpy 2.4.6, Python 3.11, Linux x86-64, 2026-12-01
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6

found=$(cd "$folder" && venv/bin/python - <<'PYTHON'
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

HOUR_MS, HOURS = 3_600_000, 60 * 24
HEADER, TAG, SIZE_BEHIND = 13, 11, 4  # bytes
VIDEO, PICTURE = 9, 1


def write(path, form):
    """A picture an hour."""
    with av.open(path, "w", format=form) as container:
        video = container.add_stream("libx264", rate=25)
        video.width = video.height = 64
        video.pix_fmt, video.gop_size = "yuv420p", 1
        video.options = {"x264-params": "bframes=0:threads=1:log-level=none"}
        packets = []
        for number in range(HOURS):
            frame = av.VideoFrame(64, 64, "yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            packets += video.encode(frame)
        for number, packet in enumerate(packets + video.encode()):
            packet.time_base = Fraction(1, 1000)
            packet.pts = packet.dts = number * HOUR_MS
            container.mux(packet)


def tags(data):
    """Where each picture's tag begins."""
    at = HEADER
    while at < len(data):
        if data[at] == VIDEO and data[at + TAG + 1] == PICTURE:
            yield at
        at += TAG + int.from_bytes(data[at + 1 : at + 4]) + SIZE_BEHIND


def use_all_bits(source, target):
    """The same with the clock of a sender that has 32 bits: the lower three bytes, then the highest."""
    data = bytearray(Path(source).read_bytes())
    for number, at in enumerate(list(tags(data))):
        low = (number * HOUR_MS % 2**32).to_bytes(4)
        data[at + 4 : at + 8] = low[1:] + low[:1]
    Path(target).write_bytes(data)


def highest_bit(path):
    data = Path(path).read_bytes()
    return sum(data[at + 7] >> 7 for at in tags(data))


def read(path):
    """Where the steps between pictures are not an hour, and by how much they are off."""
    with av.open(path) as container:
        times = np.array([round(p.pts * p.time_base * 1000) for p in container.demux(video=0) if p.size])
    assert len(times) == HOURS
    off = np.diff(times) - HOUR_MS
    jumps = [f"{off[i] / 2**31:+.0f} x 2^31 ms after {(i + 1) / 24:.1f} days" for i in np.flatnonzero(off)]
    return f"{', '.join(jumps) or 'no jump'}; from {min(times) / 864e5:.1f} to {max(times) / 864e5:.1f} days"


write("muxed.flv", "flv")
write("muxed.mkv", "matroska")
use_all_bits("muxed.flv", "all.flv")
print(f"Matroska: {read('muxed.mkv')}")
print(f"FLV: {read('muxed.flv')}; {highest_bit('muxed.flv')} tags with the highest bit")
print(f"FLV, all 32 bits: {read('all.flv')}; {highest_bit('all.flv')} tags with the highest bit")
PYTHON
)
echo "$found"
expected="\
Matroska: no jump; from 0.0 to 60.0 days
FLV: -1 x 2^31 ms after 24.9 days, -1 x 2^31 ms after 49.8 days; from 0.0 to 24.9 days; 0 tags with the highest bit
FLV, all 32 bits: -2 x 2^31 ms after 49.8 days; from 0.0 to 49.7 days; 597 tags with the highest bit"
[[ $found == "$expected" ]] || { echo "expected:"; echo "$expected"; exit 1; } >&2
