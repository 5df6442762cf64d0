#!/usr/bin/env bash
# rosbags-image shears pictures with padded rows, cuts NV12 by a third and depths to 8 bits.
#
# Guess:   `message_to_cvimage` gives the pixels of a sensor_msgs/Image whatever its `step` ("full
#          row length in bytes" by the message's text) and its byte order, also of 16 bits, and so
#          of a CompressedImage as PNG or JPEG. (Written after a look at its code, before a run:)
#          NV12 as bgr8 has the picture's size and colours, and a PNG of 16 bits its depths.
# Seen:    (JPEG was not tried.) Byte order is minded, `step` is not: rows are taken to follow each
#          other. Where a row of 1000 pixels is padded to 1024, as cameras and decoders have it that
#          align rows, each row is 24 pixels further to the right than the one above, and of 750
#          rows the last 17 do not come. Without padding all is right. Of NV12 and NV21, of
#          which the chroma follows the luma, only as many rows as the picture is high are taken. As
#          bgr8 the last third of them is read as chroma: the picture has two thirds of its
#          height, and a grey one is pink. A compressed depth image (16UC1 as PNG) comes with 8
#          bits: 1500 mm are 5, and so is a wall 200 mm nearer. Array types and sizes tell of the
#          latter two, for who looks at them. Nothing is raised.
# Version: rosbags-image 0.10.4, rosbags 0.11.9, opencv-python-headless 4.12.0.88, numpy 2.2.6,
#          Python 3.11, Linux x86-64, 2026-12-03
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    rosbags-image==0.10.4 rosbags==0.11.9 opencv-python-headless==4.12.0.88 numpy==2.2.6

found=$(cd "$folder" && venv/bin/python - <<'PYTHON'
from pathlib import Path

import cv2
import numpy as np
from rosbags.highlevel import AnyReader
from rosbags.image import message_to_cvimage
from rosbags.rosbag2 import Writer
from rosbags.typesys import Stores, get_typestore

WIDTH, HEIGHT = 1000, 750
store = get_typestore(Stores.ROS2_HUMBLE)
kinds = store.types
header = kinds["std_msgs/msg/Header"](kinds["builtin_interfaces/msg/Time"](0, 0), "camera")


def image(pixels, encoding, align=1, big=False):
    """An Image whose rows are padded with zeros to a multiple of `align` bytes."""
    order = pixels.dtype.newbyteorder(">" if big else "<")
    rows = np.ascontiguousarray(pixels, order).reshape(len(pixels), -1).view(np.uint8)
    rows = np.pad(rows, ((0, 0), (0, -rows.shape[1] % align)))
    return kinds["sensor_msgs/msg/Image"](
        header, HEIGHT, WIDTH, encoding, int(big), rows.shape[1], rows.reshape(-1))


def packed(pixels, form, suffix):
    data = cv2.imencode(suffix, pixels)[1].reshape(-1)
    return kinds["sensor_msgs/msg/CompressedImage"](header, form, data)


def through_a_bag(message):
    """The message as it comes back from a bag on disk."""
    path = Path("bag")
    name = message.__msgtype__
    with Writer(path, version=9) as bag:
        topic = bag.add_connection("/camera", name, typestore=store)
        bag.write(topic, 0, store.serialize_cdr(message, name))
    with AnyReader([path]) as bag:
        topic, _, data = next(bag.messages())
        message = bag.deserialize(data, topic.msgtype)
    for file in path.iterdir():
        file.unlink()
    path.rmdir()
    return message


def judge(title, message, expected, wanted=None, within=0):
    got = message_to_cvimage(through_a_bag(message), wanted)
    told = f"{got.dtype} {got.shape}"
    if got.shape == expected.shape and got.dtype == expected.dtype:
        off = np.abs(got.astype(int) - expected) > within
        told += f", {100 * off.mean():.0f} % of the numbers are off"
    print(f"{title}: {told}")
    return got


rng = np.random.default_rng(0)
grey = rng.integers(256, size=(HEIGHT, WIDTH)).astype(np.uint8)
colour = rng.integers(256, size=(HEIGHT, WIDTH, 3)).astype(np.uint8)
depth = rng.integers(65536, size=(HEIGHT, WIDTH)).astype(np.uint16)
for encoding, pixels in (("mono8", grey), ("bgr8", colour), ("16UC1", depth)):
    for align in (1, 64):
        for big in (False, True)[:pixels.itemsize]:
            message = image(pixels, encoding, align, big)
            judge(f"{encoding}, step {message.step}{', big-endian' * big}", message, pixels)
line = np.zeros((HEIGHT, WIDTH), np.uint8)
line[:, 500] = 255
got = message_to_cvimage(through_a_bag(image(line, "mono8", 64)))
print("a line at x = 500 is at", [int(got[row].argmax()) for row in (0, 1, 2, 10)])
rows = np.arange(HEIGHT)[:, None].repeat(WIDTH, axis=1).astype(np.uint16)
got = message_to_cvimage(through_a_bag(image(rows, "16UC1", 64)))
print(f"the last row is row {got[-1, -1]} of {HEIGHT}")

# A ramp of grey from top to bottom: all chroma is 128.
luma = np.linspace(40, 200, HEIGHT).round().astype(np.uint8)[:, None].repeat(WIDTH, axis=1)
planes = np.concatenate([luma, np.full((HEIGHT // 2, WIDTH), 128, np.uint8)])
for encoding in ("nv12", "nv21"):
    right = cv2.cvtColor(planes, getattr(cv2, f"COLOR_YUV2BGR_{encoding.upper()}"))
    got = judge(f"{encoding} as bgr8", image(planes, encoding), right, "bgr8", 3)
    for title, one in (("OpenCV", right), ("rosbags-image", got)):
        print(f"  {title}: {one.shape}, {one[100, 500].tolist()}, {one[400, 500].tolist()}")

judge("mono8 as PNG", packed(grey, "mono8; png compressed", ".png"), grey)
judge("bgr8 as PNG", packed(colour, "bgr8; png compressed bgr8", ".png"), colour)
walls = np.full((HEIGHT, WIDTH), 1500, np.uint16)
walls[:, 500:] = 1300
got = judge("16UC1 as PNG", packed(walls, "16UC1; png compressed", ".png"), walls)
print(f"  walls at 1500 and 1300 mm: {got[0, 0]} and {got[0, 999]}")
PYTHON
)
echo "$found"
expected="\
mono8, step 1000: uint8 (750, 1000), 0 % of the numbers are off
mono8, step 1024: uint8 (750, 1000), 99 % of the numbers are off
bgr8, step 3000: uint8 (750, 1000, 3), 0 % of the numbers are off
bgr8, step 3008: uint8 (750, 1000, 3), 99 % of the numbers are off
16UC1, step 2000: uint16 (750, 1000), 0 % of the numbers are off
16UC1, step 2000, big-endian: uint16 (750, 1000), 0 % of the numbers are off
16UC1, step 2048: uint16 (750, 1000), 100 % of the numbers are off
16UC1, step 2048, big-endian: uint16 (750, 1000), 100 % of the numbers are off
a line at x = 500 is at [500, 524, 548, 740]
the last row is row 732 of 750
nv12 as bgr8: uint8 (500, 1000, 3)
  OpenCV: (750, 1000, 3), [52, 52, 52], [127, 127, 127]
  rosbags-image: (500, 1000, 3), [111, 17, 99], [252, 52, 226]
nv21 as bgr8: uint8 (500, 1000, 3)
  OpenCV: (750, 1000, 3), [52, 52, 52], [127, 127, 127]
  rosbags-image: (500, 1000, 3), [111, 17, 99], [252, 52, 226]
mono8 as PNG: uint8 (750, 1000), 0 % of the numbers are off
bgr8 as PNG: uint8 (750, 1000, 3), 0 % of the numbers are off
16UC1 as PNG: uint8 (750, 1000)
  walls at 1500 and 1300 mm: 5 and 5"
[[ $found == "$expected" ]] || { echo "expected:"; echo "$expected"; exit 1; } >&2
