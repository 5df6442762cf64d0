#!/usr/bin/env bash
# A seek in H.264 with periodic intra refresh ends pictures behind the key picture it went to.
#
# Guess:   Of an encoder that refreshes a stripe of each picture (x264 `intra-refresh`), the pictures
#          where a round begins are flagged as key pictures. After a seek to one of them the first
#          picture that is decoded has its time, though it may be torn.
# Seen:    They are flagged, and are sync samples of MP4 and Matroska like others. But what follows
#          is decoded and held back until the round is over: the first picture comes 18 pictures
#          (0.7 s) later. So the usual loop, which seeks and takes the first picture that is not
#          before a given time, takes another one for 25 of 35 times, up to 18 pictures too late, and
#          nothing tells; a film cut at such a key picture misses its beginning. The decoder's flag
#          `output_corrupt` brings them all, torn and marked as corrupt. With ordinary groups of
#          pictures every picture is the one asked for.
# Version: av 18.1.0 (FFmpeg 8.1.2 with x264 as it is in the wheel), numpy 2.4.6, Python 3.11, Linux
#          x86-64, 2026-12-01
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6

found=$(cd "$folder" && venv/bin/python - <<'PYTHON'
from fractions import Fraction

import av
import numpy as np
from av.codec.context import Flags

PICTURES, GROUP, ASKED = 200, 25, range(5, 180, 5)
scene = np.random.default_rng(7).integers(60, 200, (24, 80), np.uint8)
scene = scene.repeat(8, 0).repeat(8, 1)
truth = [np.roll(scene, 2 * number, 1)[:, :320] for number in range(PICTURES)]


def write(path, refresh):
    with av.open(path, "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt, video.gop_size = 320, 192, "yuv420p", GROUP
        params = f"intra-refresh={refresh}:bframes=0:scenecut=0:threads=1:log-level=none"
        video.options = {"x264-params": params}
        for number, luma in enumerate(truth):
            planes = np.concatenate([luma, np.full((96, 320), 128, np.uint8)])
            frame = av.VideoFrame.from_ndarray(planes, "yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode())


def key_pictures(path):
    with av.open(path) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    return sum(packet.is_keyframe for packet in packets)


def show(path, number, all_pictures):
    """How far behind `number` the first picture is that is not before it; how far off its luma."""
    with av.open(path) as container:
        video = container.streams.video[0]
        if all_pictures:
            video.codec_context.flags |= Flags.output_corrupt
        container.seek(round(number / 25 / video.time_base), stream=video)
        for frame in container.decode(video):
            found = round(frame.time * 25)
            if found >= number:
                luma = frame.to_ndarray()[:192].astype(int)
                return found - number, np.abs(luma - truth[found]).mean(), frame.is_corrupt


for path, refresh in (("groups.mp4", 0), ("refresh.mp4", 1), ("refresh.mkv", 1)):
    write(path, refresh)
    for all_pictures in (False, True):
        shown = [show(path, number, all_pictures) for number in ASKED]
        late, off, corrupt = (np.array(each) for each in zip(*shown))
        print(f"{path}{', output_corrupt' * all_pictures}: {key_pictures(path)} key pictures; "
              f"{(late == 0).sum()} of {len(ASKED)} asked for, up to {late.max()} late, "
              f"{(off > 5).sum()} torn, {corrupt.sum()} said to be")
PYTHON
)
echo "$found"
expected="\
groups.mp4: 8 key pictures; 35 of 35 asked for, up to 0 late, 0 torn, 0 said to be
groups.mp4, output_corrupt: 8 key pictures; 35 of 35 asked for, up to 0 late, 0 torn, 0 said to be
refresh.mp4: 8 key pictures; 10 of 35 asked for, up to 18 late, 0 torn, 0 said to be
refresh.mp4, output_corrupt: 8 key pictures; 35 of 35 asked for, up to 0 late, 25 torn, 25 said to be
refresh.mkv: 8 key pictures; 10 of 35 asked for, up to 18 late, 0 torn, 0 said to be
refresh.mkv, output_corrupt: 8 key pictures; 35 of 35 asked for, up to 0 late, 25 torn, 25 said to be"
[[ $found == "$expected" ]] || { echo "expected:"; echo "$expected"; exit 1; } >&2
