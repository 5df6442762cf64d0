#!/usr/bin/env bash
# decord gives other pictures than asked for, of transport streams and of open groups of pictures.
#
# Guess:   `reader[i]` is the i-th picture of H.264 with B-frames, as PyAV decodes it from start to
#          end, in MP4 and MPEG-TS, one after the other or at random, groups open or closed.
# Seen:    In MP4 with closed groups it is. In MPEG-TS picture i is picture i + 5, even from start to
#          end: the first five never come, the last one comes six times, and length and timestamps
#          tell nothing of it; asked for alone, pictures are off by up to 23. Without B-frames they
#          are right. With open groups (x264 `open-gop`) three around a key frame are the next
#          ones where they are asked for alone. Labels that belong to pictures by number are then
#          on others.
# Version: decord 0.6.0, av 18.1.0 (FFmpeg 8.1.2), numpy 2.4.6, Python 3.11, Linux x86-64, 2026-11-30
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    decord==0.6.0 av==18.1.0 numpy==2.4.6

found=$(cd "$folder" && venv/bin/python - 2>/dev/null <<'PYTHON'
from fractions import Fraction

import av
import numpy as np
from decord import VideoReader

COUNT = 90


def write(path, **options):
    """Grey levels tell pictures apart."""
    with av.open(path, "w") as container:
        video = container.add_stream("libx264", rate=25, options={"g": "24"} | options)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.codec_context.thread_count = 1
        for number in range(COUNT):
            pixels = np.full((48, 64, 3), number * 37 % 200 + 20, np.uint8)
            pixels[:, :32] = number * 2 + 20
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode())
    with av.open(path) as container:
        return [f.to_ndarray(format="rgb24").astype(int) for f in container.decode(video=0)]


def number_of(picture, pictures):
    """Which one it is."""
    away = [np.abs(picture.astype(int) - each).mean() for each in pictures]
    assert min(away) < 6
    return int(np.argmin(away))


def ask(path, pictures, numbers):
    """How far what is given is from what was asked for, by how often; of one reader."""
    reader = VideoReader(path)
    assert len(reader) == len(pictures) == COUNT
    away = [number_of(reader[i].asnumpy(), pictures) - i for i in numbers]
    return ", ".join(f"{away.count(each)} by {each}" for each in sorted(set(away)))


def ask_alone(path, pictures):
    """The same, each of a reader of its own."""
    away = [number_of(VideoReader(path)[i].asnumpy(), pictures) - i for i in range(COUNT)]
    return ", ".join(f"{away.count(each)} by {each}" for each in sorted(set(away)))


for title, path, options in (
    ("MP4", "closed.mp4", {"bf": "3"}),
    ("MPEG-TS", "closed.ts", {"bf": "3"}),
    ("MPEG-TS without B-frames", "plain.ts", {"bf": "0"}),
    ("MP4, open groups", "open.mp4", {"bf": "3", "x264-params": "open-gop=1:scenecut=0"}),
):
    pictures = write(path, **options)
    print(f"{title}: in order {ask(path, pictures, range(COUNT))}; "
          f"alone {ask_alone(path, pictures)}")
PYTHON
)
echo "$found"
expected="MP4: in order 90 by 0; alone 90 by 0
MPEG-TS: in order 1 by 0, 1 by 1, 1 by 2, 1 by 3, 1 by 4, 85 by 5; alone 1 by -4, 1 by -1, 2 by 2, \
1 by 4, 33 by 5, 18 by 6, 11 by 11, 23 by 23
MPEG-TS without B-frames: in order 90 by 0; alone 90 by 0
MP4, open groups: in order 90 by 0; alone 87 by 0, 3 by 1"
[[ $found == "$expected" ]] || { echo "expected: $expected" >&2; exit 1; }
