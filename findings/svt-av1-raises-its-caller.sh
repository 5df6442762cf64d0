#!/usr/bin/env bash
# SVT-AV1 raises the thread that opens it to the highest real-time priority, and leaves it there.
#
# Guess:   (of somebody who had found a process at SCHED_FIFO 99 that had encoded AV1) The encoder
#          raises itself when it gets its first picture, and the thread is what it was before when
#          the encoder is closed. libx264 and libvpx leave the thread alone.
# Seen:    Opening the encoder is enough: the calling thread is SCHED_FIFO 99 from then on, and stays so
#          after the encoder is closed. Whatever else shares its core gets a twentieth of it, or
#          nothing, for as long as the process computes. libx264 and libvpx-vp9 change nothing.
# Version: av 18.1.0 (FFmpeg 8.1.2, SVT-AV1 as it is in the wheel), Python 3.11, Linux x86-64, as
#          root, 2026-11-30
set -euo pipefail

[ "$(id -u)" = 0 ] || { echo "needs root: others may not raise themselves" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check av==18.1.0 numpy

look() { # ENCODER
    "$folder/venv/bin/python" - "$1" 2>/dev/null <<'PYTHON'
import io, os, sys
from fractions import Fraction
import av
import numpy as np

NAMES = {os.SCHED_OTHER: "other", os.SCHED_FIFO: "fifo", os.SCHED_RR: "rr"}


def scheduling():
    return f"{NAMES[os.sched_getscheduler(0)]} {os.sched_getparam(0).sched_priority}"


said = [scheduling()]
with av.open(io.BytesIO(), "w", format="mp4") as container:
    video = container.add_stream(sys.argv[1], rate=25)
    video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
    video.codec_context.open()
    said.append(scheduling())
    for number in range(3):
        picture = av.VideoFrame.from_ndarray(np.zeros((96, 64), np.uint8), "yuv420p")
        picture.pts, picture.time_base = number, Fraction(1, 25)
        container.mux(video.encode(picture))
    said.append(scheduling())
    container.mux(video.encode(None))
said.append(scheduling())
print(*said, sep=", ")
PYTHON
}

found=$(for encoder in libsvtav1 libx264 libvpx-vp9; do echo "$encoder: $(look "$encoder")"; done)
echo "before, open, after three pictures, closed"
echo "$found"
expected="libsvtav1: other 0, fifo 99, fifo 99, fifo 99
libx264: other 0, other 0, other 0, other 0
libvpx-vp9: other 0, other 0, other 0, other 0"
[ "$found" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
