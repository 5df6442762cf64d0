#!/usr/bin/env bash
# libavformat hands out a picture of a live transport stream when two more have begun.
#
# Guess:   A PES packet of video usually has no length, so it ends where the next one begins: each
#          picture comes one interval late. When the muxer writes the length
#          (omit_video_pes_length=0), it comes at once.
# Seen:    Two intervals late without the length, one with it. The end of the PES packet is waited
#          for first, and then the parser waits for the first bytes of the next picture. The same
#          for H.264 and H.265, with access unit delimiters in the stream. FLV, where each picture
#          has its length, is not late at all. At 5 pictures a second, 400 ms that no clock shows.
# Version: av 18.1.0 (FFmpeg 8.1.2), Python 3.11, Linux x86-64, 2026-11-29
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check av==18.1.0 numpy

# Prints how many whole pictures were read beyond the one that comes out, at the end of 40.
late() { # ENCODER FORMAT OPTIONS
    "$folder/venv/bin/python" - "$@" 2>/dev/null <<'PYTHON'
import io, sys
from fractions import Fraction
import av
import numpy as np

encoder, form, options = sys.argv[1], sys.argv[2], dict(o.split("=") for o in sys.argv[3:])
written, pieces, done = io.BytesIO(), [], 0
with av.open(written, "w", format=form, options={"flush_packets": "1"} | options) as container:
    video = container.add_stream(
        encoder, rate=25, options={"preset": "ultrafast", "tune": "zerolatency"}
    )
    video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
    for number in range(40):
        picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 6 * number, np.uint8), "rgb24")
        picture.pts, picture.time_base = number, Fraction(1, 25)
        container.mux(video.encode(picture))
        pieces.append(written.getvalue()[done:])
        done = len(written.getvalue())
assert all(pieces), "each picture is written when it is encoded"


class Camera:
    """Gives one picture after the other, and counts."""

    def __init__(self):
        self.given, self._rest = 0, b""

    def read(self, size):
        if not self._rest and self.given < len(pieces):
            self._rest, self.given = pieces[self.given], self.given + 1
        part, self._rest = self._rest[:size], self._rest[size:]
        return part


camera = Camera()
probe = {"probesize": "2000", "analyzeduration": "0"}
stream = av.open(camera, format=form, buffer_size=4 * 188, container_options=probe)
beyond = [camera.given - 1 - i for i, packet in enumerate(stream.demux(video=0)) if packet.size]
print(*sorted(set(beyond[-15:-5])))
PYTHON
}

expect() { # WHAT EXPECTED GOT
    echo "$1: $3 pictures late"
    [[ $3 == "$2" ]] || { echo "expected: $2" >&2; exit 1; }
}

for encoder in libx264 libx265; do
    expect "$encoder, MPEG-TS" 2 "$(late $encoder mpegts)"
    expect "$encoder, MPEG-TS with lengths" 1 "$(late $encoder mpegts omit_video_pes_length=0)"
done
expect "libx264, FLV" 0 "$(late libx264 flv)"
