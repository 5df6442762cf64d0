#!/usr/bin/env bash
# The Python m3u8 package counts time twice where a playlist has parts (low-latency HLS).
#
# Guess:   `current_program_date_time` of each segment and `program_date_time` of each part is the
#          last EXT-X-PROGRAM-DATE-TIME and the durations since then, whether or not the playlist
#          has parts. A segment keeps its time when the playlist is loaded again.
# Seen:    Without parts it is so. Each part moves the clock on by its duration, and the segment
#          that they make up moves it on once more. So a segment that has parts begins when it ends,
#          also right after a date of its own: `program_date_time` and `current_program_date_time`
#          of one segment are 4 s apart. With one date at the top, the newest parts, those that are
#          played, are 12 s late. Of a stream whose segments are all listed with parts, the clock
#          runs at double speed. As the playlist moves on, one segment is at 32, 28, 24 and then
#          20 s. Its text says "a calculated value based on previous segments'
#          EXT-X-PROGRAM-DATE-TIME and EXTINF values". Nothing is raised.
# Version: m3u8 6.0.0, Python 3.11, Linux x86-64, 2026-12-02
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check m3u8==6.0.0

found=$("$folder/venv/bin/python" - <<'PYTHON'
from datetime import datetime, timedelta, timezone

import m3u8

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
LENGTH = 4  # seconds of a segment, of parts of one second


def write(now, each=False, parts=3):
    """The live playlist after `now` segments; with parts of as many of the newest as asked."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:9", f"#EXT-X-TARGETDURATION:{LENGTH}",
             "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=3.0",
             "#EXT-X-PART-INF:PART-TARGET=1.0", "#EXT-X-MEDIA-SEQUENCE:0"]
    for n in range(now):
        if each or n == 0:
            date = START + timedelta(seconds=LENGTH * n)
            lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{date:%Y-%m-%dT%H:%M:%S.000Z}")
        if n >= now - parts:
            lines += [f'#EXT-X-PART:DURATION=1.0,URI="{n}.{k}.mp4"' for k in range(LENGTH)]
        lines += [f"#EXTINF:{LENGTH:.1f},", f"{n}.mp4"]
    if parts:
        lines.append(f'#EXT-X-PART:DURATION=1.0,URI="{now}.0.mp4"')
    return m3u8.loads("\n".join(lines) + "\n")


def since(date):
    return f"{(date - START).total_seconds():.0f}"


def tell(title, playlist):
    print(f"{title}:")
    whole = [segment for segment in playlist.segments if segment.uri]
    times = [f"{segment.uri[:-4]} at {since(segment.current_program_date_time)}" +
             (f" (date {since(segment.program_date_time)})" if segment.program_date_time else "")
             for segment in whole]
    print("  segments " + ", ".join(times))
    parts = [part for segment in playlist.segments for part in segment.parts]
    if parts:
        times = [f"{part.uri[:-4]} at {since(part.program_date_time)}" for part in parts]
        print("  parts " + ", ".join(times[::LENGTH]))


tell("no parts, one date", write(6, parts=0))
tell("parts of the newest three, one date", write(6))
tell("parts of the newest three, a date each", write(6, each=True))
tell("parts of all, one date", write(6, parts=6))
times = [since(write(now).segments[5].current_program_date_time) for now in range(6, 10)]
print("segment 5 as the playlist moves on: at " + ", ".join(times))
PYTHON
)
echo "$found"
expected="\
no parts, one date:
  segments 0 at 0 (date 0), 1 at 4, 2 at 8, 3 at 12, 4 at 16, 5 at 20
parts of the newest three, one date:
  segments 0 at 0 (date 0), 1 at 4, 2 at 8, 3 at 16, 4 at 24, 5 at 32
  parts 3.0 at 12, 4.0 at 20, 5.0 at 28, 6.0 at 36
parts of the newest three, a date each:
  segments 0 at 0 (date 0), 1 at 4 (date 4), 2 at 8 (date 8), 3 at 16 (date 12), 4 at 20 (date 16), 5 at 24 (date 20)
  parts 3.0 at 12, 4.0 at 16, 5.0 at 20, 6.0 at 28
parts of all, one date:
  segments 0 at 4 (date 0), 1 at 12, 2 at 20, 3 at 28, 4 at 36, 5 at 44
  parts 0.0 at 0, 1.0 at 8, 2.0 at 16, 3.0 at 24, 4.0 at 32, 5.0 at 40, 6.0 at 48
segment 5 as the playlist moves on: at 32, 28, 24, 20"
[[ $found == "$expected" ]] || { echo "expected:"; echo "$expected"; exit 1; } >&2
