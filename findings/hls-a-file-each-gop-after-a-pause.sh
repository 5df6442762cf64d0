#!/usr/bin/env bash
# After a pause FFmpeg's HLS and segment muxers begin a file at every key picture, for a long time.
#
# Guess:   A camera that films when something happens is cut into files of 60 s (`hls_time`,
#          `segment_time`), with a key picture every 2 s. Each file but the one with the pause is
#          60 s long, and a live list of the last five covers five minutes. A clock that begins
#          at 10 h makes no difference.
# Seen:    Without a pause that is so, also from 10 h on (but `segment` lists the first file from 0
#          on). The nth file ends n x 60 s after the beginning, however long those before it
#          are. So after a pause of 1 h each key picture is past that end, and files are of 2 s
#          until their number has caught up. Where every hour has two minutes of film it never does:
#          from the second hour on each file is one group of pictures, 60 where 2 are asked for, and
#          the live list covers 10 s. Its target duration, which RFC 8216 lets not change, goes
#          from 60 to 3540 and to 2. By the text of `hls_time` a file is cut "after this time has
#          passed". No error or warning is raised.
# Version: av 18.1.0 (FFmpeg 8.1.2), Python 3.11, Linux x86-64, 2026-12-02
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check av==18.1.0

found=$(cd "$folder" && venv/bin/python - <<'PYTHON'
import csv
from fractions import Fraction
from itertools import groupby
from pathlib import Path

import av

SECOND, GOP_S, FILE_S, HOUR_S = 90_000, 2, 60, 3600


def film(*spans):
    """Seconds of the key pictures of films, each (begin, length) in s."""
    return [at for begin, length in spans for at in range(begin, begin + length, GOP_S)]


def write(folder, kind, times, **options):
    """Writes a stream of key pictures; what the list held after each, as its length changed."""
    Path(folder).mkdir()
    listed = Path(folder, "list.m3u8" if kind == "hls" else "list.csv")
    path = listed if kind == "hls" else Path(folder, "%05d.ts")
    lists = []
    with av.open(str(path), "w", format=kind, options=options) as container:
        video = container.add_stream("mpeg2video", rate=25)
        video.width = video.height = 64
        video.pix_fmt, video.gop_size = "yuv420p", 1
        video.time_base = Fraction(1, SECOND)
        frame = av.VideoFrame(64, 64, "yuv420p")
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        (coded,) = video.encode(frame) + video.encode()
        for at in times:
            packet = av.Packet(bytes(coded))
            packet.stream, packet.time_base = video, Fraction(1, SECOND)
            packet.pts = packet.dts = at * SECOND
            packet.duration, packet.is_keyframe = GOP_S * SECOND, True
            container.mux(packet)
            if kind == "hls" and listed.exists():
                lists.append(listed.read_text())
    return listed.read_text(), lists


def lengths(text):
    """The files' lengths in a playlist or in a list of begins and ends, s."""
    if text.startswith("#EXTM3U"):
        lines = [line for line in text.splitlines() if line.startswith("#EXTINF:")]
        return [round(float(line[8:].rstrip(","))) for line in lines]
    return [round(float(end) - float(begin)) for _, begin, end in csv.reader(text.splitlines())]


def say(title, text):
    runs = [(length, len(list(same))) for length, same in groupby(lengths(text))]
    print(f"{title}: " + ", ".join(f"{count} x {length} s" for length, count in runs))


def target(text):
    (line,) = [line for line in text.splitlines() if "TARGETDURATION" in line]
    return int(line.split(":")[1])


cases = {
    "no pause": film((0, 1800)),
    "no pause, from 10 h on": film((10 * HOUR_S, 1800)),
    "1 h pause": film((0, 600), (600 + HOUR_S, 1800)),
    "two minutes every hour": film(*((hour * HOUR_S, 120) for hour in range(6))),
}
for number, (title, times) in enumerate(cases.items()):
    text, _ = write(f"hls{number}", "hls", times, hls_time=str(FILE_S), hls_list_size="0")
    say(f"hls, {title}", text)
for number, (title, times) in enumerate(cases.items()):
    text, _ = write(f"segment{number}", "segment", times, segment_time=str(FILE_S),
                    segment_list=f"segment{number}/list.csv", segment_format="mpegts")
    say(f"segment, {title}", text)
for number, (title, times) in enumerate(cases.items()):
    text, lists = write(f"live{number}", "hls", times, hls_time=str(FILE_S), hls_list_size="5",
                        hls_flags="delete_segments")
    say(f"live list, {title}", text)
    print(f"  its target duration: {[one for one, _ in groupby(map(target, lists))]}")
PYTHON
)
echo "$found"
expected="\
hls, no pause: 30 x 60 s
hls, no pause, from 10 h on: 30 x 60 s
hls, 1 h pause: 9 x 60 s, 1 x 3660 s, 62 x 2 s, 1 x 56 s, 27 x 60 s
hls, two minutes every hour: 1 x 60 s, 1 x 3540 s, 59 x 2 s, 1 x 3482 s, 59 x 2 s, 1 x 3482 s, 59 x 2 s, 1 x 3482 s, 59 x 2 s, 1 x 3482 s, 60 x 2 s
segment, no pause: 30 x 60 s
segment, no pause, from 10 h on: 1 x 36060 s, 29 x 60 s
segment, 1 h pause: 10 x 60 s, 62 x 2 s, 1 x 56 s, 27 x 60 s
segment, two minutes every hour: 2 x 60 s, 300 x 2 s
live list, no pause: 5 x 60 s
  its target duration: [60]
live list, no pause, from 10 h on: 5 x 60 s
  its target duration: [60]
live list, 1 h pause: 5 x 60 s
  its target duration: [60, 3660, 2, 56, 60]
live list, two minutes every hour: 5 x 2 s
  its target duration: [60, 3540, 2, 3482, 2, 3482, 2, 3482, 2, 3482, 2]"
[[ $found == "$expected" ]] || { echo "expected:"; echo "$expected"; exit 1; } >&2
