#!/usr/bin/env bash
# FFmpeg's MP4 muxer gives all pictures after a pause of 6.6 hours no time any more.
#
# Guess:   A camera that films when something happens writes one MP4, at 25 pictures a second in
#          ticks of 1/90000 s. A pause of 7 h is kept, since `stts` has 32 bits for each duration
#          (13.25 h). After one of 14 h the muxer refuses with an error.
# Seen:    Up to 6.6 h (2^31 ticks) a pause is kept. After a longer one no error is raised, all
#          pictures are written, and each follows the one before by one tick, to the end of the
#          file: five minutes of them are shown in 83 ms. Fragments (whose `tfdt` has 64 bits) do not
#          help. Matroska keeps all three pauses. Only a log line tells, and PyAV has the log off.
# Version: av 18.1.0 (FFmpeg 8.1.2), numpy 2.4.6, Python 3.11, Linux x86-64, 2026-12-01
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6

found=$(cd "$folder" && venv/bin/python - <<'PYTHON'
from fractions import Fraction

import av

SECOND, INTERVAL = 90_000, 3_600
BEFORE, AFTER = 10, 7_500  # pictures; those after the pause are five minutes


def write(path, pause_h, **options):
    with av.open(path, "w", options=options) as container:
        video = container.add_stream("mpeg2video", rate=25)
        video.width = video.height = 64
        video.pix_fmt, video.gop_size = "yuv420p", 1
        video.time_base = Fraction(1, SECOND)
        frame = av.VideoFrame(64, 64, "yuv420p")
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        (coded,) = video.encode(frame) + video.encode()
        for number in range(BEFORE + AFTER):
            packet = av.Packet(bytes(coded))
            packet.stream, packet.time_base = video, Fraction(1, SECOND)
            packet.pts = packet.dts = number * INTERVAL
            if number >= BEFORE:
                packet.pts = packet.dts = packet.pts + round(pause_h * 3600 * SECOND)
            packet.is_keyframe = True
            container.mux(packet)


def read(path):
    """How many pictures; s from the first one to the first after the pause, and to the last."""
    with av.open(path) as container:
        times = [p.pts * p.time_base for p in container.demux(video=0) if p.pts is not None]
    return len(times), float(times[BEFORE] - times[0]), float(times[-1] - times[0])


for name, options in (
    ("plain.mp4", {}),
    ("fragments.mp4", {"movflags": "frag_keyframe+empty_moov"}),
    ("film.mkv", {}),
):
    for pause_h in (6.5, 7, 14):
        write(name, pause_h, **options)
        count, after, last = read(name)
        print(f"{name}, pause of {pause_h} h: {count} pictures, "
              f"the first after it at {after:.2f} s, the last at {last:.2f} s")
PYTHON
)
echo "$found"
expected="\
plain.mp4, pause of 6.5 h: 7510 pictures, the first after it at 23400.40 s, the last at 23700.36 s
plain.mp4, pause of 7 h: 7510 pictures, the first after it at 0.36 s, the last at 0.44 s
plain.mp4, pause of 14 h: 7510 pictures, the first after it at 0.36 s, the last at 0.44 s
fragments.mp4, pause of 6.5 h: 7510 pictures, the first after it at 23400.40 s, the last at 23700.36 s
fragments.mp4, pause of 7 h: 7510 pictures, the first after it at 0.36 s, the last at 0.44 s
fragments.mp4, pause of 14 h: 7510 pictures, the first after it at 0.36 s, the last at 0.44 s
film.mkv, pause of 6.5 h: 7510 pictures, the first after it at 23400.40 s, the last at 23700.36 s
film.mkv, pause of 7 h: 7510 pictures, the first after it at 25200.40 s, the last at 25500.36 s
film.mkv, pause of 14 h: 7510 pictures, the first after it at 50400.40 s, the last at 50700.36 s"
[[ $found == "$expected" ]] || { echo "expected:"; echo "$expected"; exit 1; } >&2
