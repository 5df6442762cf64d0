#!/usr/bin/env bash
# OpenCV's VideoCapture maps films tagged BT.2020 or HDR to other colours, at ten times the cost.
#
# Guess:   Two readers that are built on FFmpeg, PyAV and OpenCV, give the same pixels of one file up
#          to rounding, whatever its colour tags, and each reads all films of one size within 1.5
#          times the same time.
# Seen:    Where the tags name BT.2020's primaries, PQ or HLG, as films of phones and of HDR cameras
#          have them, VideoCapture turns the colours into BT.709's, by libswscale's perceptual
#          mapping: levels are off by up to 177 of 255, and with PQ a middle grey of 128 comes as
#          185. A detector sees another picture than from PyAV (decord and imageio, tried beside
#          this script, have PyAV's pixels). PyAV asked for BT.709's primaries and transfer gives
#          OpenCV's pixels to the bit. A transfer alone does so too for BT.709 with PQ, where PyAV's
#          text says that dst_color_trc sets metadata and does not convert pixels. At 1920 x 1080 the
#          first picture of each film takes three seconds of processor time, against .03 s, and each
#          other about ten times as long as one of the same pixels without the tags (70 ms, 7 ms).
#          Nothing is said. OpenCV 4.13.0, 4.14.0 and 5.0.0 do the same (tried beside this script).
# Version: opencv-python-headless 5.1.0.95, av 18.1.0, numpy 2.4.6, Python 3.11, Linux x86-64,
#          2026-12-03
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    opencv-python-headless==5.1.0.95 av==18.1.0 numpy==2.4.6

found=$(cd "$folder" && venv/bin/python - <<'PYTHON'
import time

import av
import cv2
import numpy as np

COLOURS = np.array([
    [255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0], [0, 255, 255], [255, 0, 255],
    [200, 60, 40], [40, 160, 60], [128, 128, 128], [230, 200, 170]], float)
WIDTH, HEIGHT, PICTURES, BT709 = 1920, 1080, 8, 1
BAR = WIDTH // len(COLOURS)
# Matrix, primaries and transfer by their numbers in H.273, and the red and blue of the matrix.
UNSPECIFIED, PQ, HLG = 2, 16, 18
MATRICES = {1: (0.2126, 0.0722), 9: (0.2627, 0.0593)}
FILMS = (
    ("BT.2020's matrix alone", (9, UNSPECIFIED, UNSPECIFIED)),
    ("BT.2020", (9, 9, 14)),
    ("BT.2020 with PQ", (9, 9, PQ)),
    ("BT.2020 with HLG", (9, 9, HLG)),
    ("BT.709", (BT709, BT709, BT709)),
    ("BT.709 with PQ", (BT709, BT709, PQ)),
)


def write(path, matrix, primaries, transfer):
    """Bars of the colours, coded by the matrix; primaries and transfer are tags."""
    red, blue = MATRICES[matrix]
    r, g, b = COLOURS.T / 255
    y = red * r + (1 - red - blue) * g + blue * b
    levels = (16 + 219 * y, 128 + 112 * (b - y) / (1 - blue), 128 + 112 * (r - y) / (1 - red))
    frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
    for plane, of in zip(frame.planes, levels):
        row = np.zeros(plane.line_size, np.uint8)
        row[:plane.width] = np.repeat(of.round().astype(np.uint8), plane.width // len(COLOURS))
        plane.update(np.tile(row, plane.height).tobytes())
    frame.colorspace, frame.color_range = matrix, 1
    with av.open(path, "w") as film:
        stream = film.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"qp": "1", "preset": "ultrafast"}
        coder = stream.codec_context
        coder.colorspace, coder.color_range = matrix, 1
        coder.color_primaries, coder.color_trc = primaries, transfer
        for frame.pts in range(PICTURES):
            film.mux(stream.encode(frame))
        film.mux(stream.encode(None))


def by_opencv(path):
    """The first picture as RGB, what it took, and what each other took: seconds of processor."""
    film, took, first = cv2.VideoCapture(path), [], None
    for _ in range(PICTURES):
        begun = time.process_time()
        is_read, picture = film.read()
        took.append(time.process_time() - begun)
        assert is_read
        first = picture[:, :, ::-1].astype(int) if first is None else first
    return first, took[0], np.median(took[1:])


def by_pyav(path, **asked):
    with av.open(path) as film:
        frame = next(film.decode(video=0))
    return frame.reformat(format="rgb24", **asked).to_ndarray().astype(int)


def off(one, other):
    """The greatest difference within the bars; their edges are blurred by halved chroma."""
    inner = np.arange(WIDTH) % BAR
    return np.abs(one - other)[:, (inner > 8) & (inner < BAR - 8)].max()


right = np.repeat(COLOURS, BAR, axis=0)[None].astype(int)
costs = {}
for name, tags in FILMS:
    write("film.mkv", *tags)
    opencv, *costs[name] = by_opencv("film.mkv")
    pyav = by_pyav("film.mkv")
    mapped = by_pyav("film.mkv", dst_color_primaries=BT709, dst_color_trc=BT709)
    print(f"{name}: PyAV {'right' if off(pyav, right) <= 3 else 'off'}, "
          f"OpenCV off by {off(opencv, pyav)}, grey {opencv[HEIGHT // 2, int(8.5 * BAR)].tolist()}; "
          f"{off(opencv, mapped)} from PyAV asked for BT.709")
    if name == "BT.709 with PQ":
        by_transfer = by_pyav("film.mkv", dst_color_trc=BT709)
        print(f"  {off(opencv, by_transfer)} from PyAV asked for BT.709's transfer alone")
plain = costs["BT.2020's matrix alone"]
for name in ("BT.2020", "BT.2020 with PQ", "BT.2020 with HLG"):
    first, other = (one / of for one, of in zip(costs[name], plain))
    print(f"{name}: the first picture costs {'over 20' if first > 20 else f'{first:.1f}'} times "
          f"as much, the others {'over 4' if other > 4 else f'{other:.1f}'} times")
PYTHON
)
echo "$found"
expected="\
BT.2020's matrix alone: PyAV right, OpenCV off by 0, grey [128, 128, 128]; 0 from PyAV asked for BT.709
BT.2020: PyAV right, OpenCV off by 135, grey [128, 128, 128]; 0 from PyAV asked for BT.709
BT.2020 with PQ: PyAV right, OpenCV off by 177, grey [185, 185, 185]; 0 from PyAV asked for BT.709
BT.2020 with HLG: PyAV right, OpenCV off by 166, grey [144, 144, 144]; 0 from PyAV asked for BT.709
BT.709: PyAV right, OpenCV off by 0, grey [128, 128, 128]; 0 from PyAV asked for BT.709
BT.709 with PQ: PyAV right, OpenCV off by 139, grey [185, 185, 185]; 0 from PyAV asked for BT.709
  0 from PyAV asked for BT.709's transfer alone
BT.2020: the first picture costs over 20 times as much, the others over 4 times
BT.2020 with PQ: the first picture costs over 20 times as much, the others over 4 times
BT.2020 with HLG: the first picture costs over 20 times as much, the others over 4 times"
[[ $found == "$expected" ]] || { echo "expected:"; echo "$expected"; exit 1; } >&2
