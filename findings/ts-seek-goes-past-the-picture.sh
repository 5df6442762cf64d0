#!/usr/bin/env bash
# A transport stream that is rewound begins with its second group of pictures, or has none.
#
# Guess:   (of somebody who had seen OpenCV rewind H.264 with B-frames to its second group) Without
#          B-frames the first picture comes again, and a stream of a single group has it in any
#          case. PyAV's seek to the time of a picture ends at a key picture at or before it,
#          in MP4 and in MPEG-TS, as its text says of `backward`, its default.
# Seen:    In MP4 all that is so, and without B-frames OpenCV rewinds a transport stream rightly.
#          With them `set(CAP_PROP_POS_FRAMES, 0)` or POS_MSEC 0 goes to the second group, of which
#          the first picture then has the number 0, and each index within the first group gives a
#          picture of the second one. A stream of one group (x264's default is 250 pictures, 10 s)
#          gives none any more, so who shows a short film over and over sees it once. libavformat
#          goes by decoding times, and in MPEG-TS to any packet, not to a key picture; what follows
#          is dropped up to the next one. So PyAV's seek to the time of a picture goes past it, for
#          every one with B-frames and for all but key pictures without, by up to 26 pictures where
#          groups have 25; within the last group nothing comes. `seek(0)` does rewind: times begin
#          at 1.4 s. H.264 and H.265 do the same. Nothing is raised. (Of OpenCV and an MPEG program
#          stream opencv/opencv#20227 tells the like.)
# Version: opencv-python-headless 5.1.0.95, av 18.1.0 (FFmpeg 8.1.2), numpy 2.4.6, Python 3.11,
#          Linux x86-64, 2026-12-03
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    opencv-python-headless==5.1.0.95 av==18.1.0 numpy==2.4.6

found=$(cd "$folder" && OPENCV_FFMPEG_LOGLEVEL=-8 venv/bin/python - <<'PYTHON'
import itertools

import av
import cv2
import numpy as np

WIDTH, HEIGHT, PICTURES, BITS = 320, 240, 200, 8
av.logging.set_level(None)


def write(path, coder, b_frames, group):
    """Pictures that show their number as bars: a bit each, bright for 1."""
    options = {
        "libx264": {"bf": str(b_frames), "g": str(group), "sc_threshold": "0", "b_strategy": "0"},
        "libx265": {"x265-params": f"bframes={b_frames}:keyint={group}:min-keyint={group}:"
                    "scenecut=0:b-adapt=0:open-gop=0:log-level=none"},
    }[coder]
    with av.open(path, "w") as film:
        stream = film.add_stream(coder, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(PICTURES):
            planes = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
            bits = [220 if number >> bit & 1 else 30 for bit in range(BITS)]
            planes[:HEIGHT] = np.repeat(bits, WIDTH // BITS)
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts = number
            film.mux(stream.encode(frame))
        film.mux(stream.encode(None))


def shown(grey):
    middle = grey[HEIGHT // 2, WIDTH // BITS // 2::WIDTH // BITS] > 125
    return sum(int(is_one) << bit for bit, is_one in enumerate(middle))


def read(film):
    """The number that the next picture of OpenCV's shows, or None."""
    is_read, picture = film.read()
    return shown(picture[:, :, 1]) if is_read else None


def by_opencv(path):
    film = cv2.VideoCapture(path)
    order = list(iter(lambda: read(film), None))
    assert order == list(range(PICTURES)), order
    film.set(cv2.CAP_PROP_POS_FRAMES, 0)
    place, rewound = int(film.get(cv2.CAP_PROP_POS_FRAMES)), read(film)
    film = cv2.VideoCapture(path)
    read(film)
    film.set(cv2.CAP_PROP_POS_MSEC, 0)
    by_time, other = read(film), 0
    for number in range(PICTURES):
        film = cv2.VideoCapture(path)
        film.set(cv2.CAP_PROP_POS_FRAMES, number)
        other += read(film) != number
    return f"at {place} picture {rewound}, at 0 ms {by_time}, {other} indices wrong"


def by_pyav(path):
    """Where seeks to the time of each picture end, and one to 0."""
    late = none = furthest = 0
    with av.open(path) as film:
        stream = film.streams.video[0]
        times = [frame.pts for frame in film.decode(stream)]
        for number, time in enumerate(times):
            film.seek(time, stream=stream)
            frame = next(film.decode(stream), None)
            none += frame is None
            if frame is not None and frame.pts > time:
                late, furthest = late + 1, max(furthest, times.index(frame.pts) - number)
        film.seek(0)
        first = shown(next(film.decode(stream)).to_ndarray(format="gray"))
    return f"{late} too late by up to {furthest}, {none} without a picture, seek(0) {first}"


for coder, b_frames, group in itertools.product(("libx264", "libx265"), (0, 2), (25, 250)):
    print(f"{coder}, {b_frames} B-frames, groups of {group}:")
    for path in ("film.mp4", "film.ts"):
        write(path, coder, b_frames, group)
        print(f"  {path}: OpenCV {by_opencv(path)}")
        print(f"  {path}: PyAV {by_pyav(path)}")
PYTHON
)
echo "$found"
expected="\
libx264, 0 B-frames, groups of 25:
  film.mp4: OpenCV at 0 picture 0, at 0 ms 0, 0 indices wrong
  film.mp4: PyAV 0 too late by up to 0, 0 without a picture, seek(0) 0
  film.ts: OpenCV at 0 picture 0, at 0 ms 0, 0 indices wrong
  film.ts: PyAV 168 too late by up to 24, 24 without a picture, seek(0) 0
libx264, 0 B-frames, groups of 250:
  film.mp4: OpenCV at 0 picture 0, at 0 ms 0, 0 indices wrong
  film.mp4: PyAV 0 too late by up to 0, 0 without a picture, seek(0) 0
  film.ts: OpenCV at 0 picture 0, at 0 ms 0, 0 indices wrong
  film.ts: PyAV 0 too late by up to 0, 199 without a picture, seek(0) 0
libx264, 2 B-frames, groups of 25:
  film.mp4: OpenCV at 0 picture 0, at 0 ms 0, 0 indices wrong
  film.mp4: PyAV 0 too late by up to 0, 0 without a picture, seek(0) 0
  film.ts: OpenCV at 0 picture 25, at 0 ms 25, 26 indices wrong
  film.ts: PyAV 174 too late by up to 26, 26 without a picture, seek(0) 0
libx264, 2 B-frames, groups of 250:
  film.mp4: OpenCV at 0 picture 0, at 0 ms 0, 0 indices wrong
  film.mp4: PyAV 0 too late by up to 0, 0 without a picture, seek(0) 0
  film.ts: OpenCV at 0 picture None, at 0 ms None, 200 indices wrong
  film.ts: PyAV 0 too late by up to 0, 200 without a picture, seek(0) 0
libx265, 0 B-frames, groups of 25:
  film.mp4: OpenCV at 0 picture 0, at 0 ms 0, 0 indices wrong
  film.mp4: PyAV 0 too late by up to 0, 0 without a picture, seek(0) 0
  film.ts: OpenCV at 0 picture 0, at 0 ms 0, 0 indices wrong
  film.ts: PyAV 168 too late by up to 24, 24 without a picture, seek(0) 0
libx265, 0 B-frames, groups of 250:
  film.mp4: OpenCV at 0 picture 0, at 0 ms 0, 0 indices wrong
  film.mp4: PyAV 0 too late by up to 0, 0 without a picture, seek(0) 0
  film.ts: OpenCV at 0 picture 0, at 0 ms 0, 0 indices wrong
  film.ts: PyAV 0 too late by up to 0, 199 without a picture, seek(0) 0
libx265, 2 B-frames, groups of 25:
  film.mp4: OpenCV at 0 picture 0, at 0 ms 0, 0 indices wrong
  film.mp4: PyAV 0 too late by up to 0, 0 without a picture, seek(0) 0
  film.ts: OpenCV at 0 picture 25, at 0 ms 25, 26 indices wrong
  film.ts: PyAV 174 too late by up to 26, 26 without a picture, seek(0) 0
libx265, 2 B-frames, groups of 250:
  film.mp4: OpenCV at 0 picture 0, at 0 ms 0, 0 indices wrong
  film.mp4: PyAV 0 too late by up to 0, 0 without a picture, seek(0) 0
  film.ts: OpenCV at 0 picture None, at 0 ms None, 200 indices wrong
  film.ts: PyAV 0 too late by up to 0, 200 without a picture, seek(0) 0"
[[ $found == "$expected" ]] || { echo "expected:"; echo "$expected"; exit 1; } >&2
