#!/usr/bin/env bash
# aiortp loses the picture during which RTP's sequence numbers begin again, each few minutes.
#
# Guess:   H.264 that one aiortp video session sends to another comes picture by picture, each once
#          and in order, with growing times, over wraps of the sequence numbers (16 bits) and of
#          the time (32 bits). A lost packet loses its picture alone, which does not come torn.
# Seen:    (Loss and the wrap of time were not tried.) Without any loss, pictures on either side of
#          a wrap of the numbers come as sent. Packets of a picture are sorted by the bare number,
#          so where a picture lies across the wrap, those after it go before those ahead of it. In
#          H.264 the end of a fragmented unit then comes before its beginning, and the picture
#          does not come. In VP8 it comes without some of its parts, as if it were whole. No packet
#          was lost, so no key picture is asked for, and what follows is decoded without the
#          picture that it refers to. At 4 Mbit/s, in packets of 1,400 bytes, that is every
#          three minutes. Nothing is raised.
# Version: aiortp 0.8.0, Python 3.11, Linux x86-64, 2026-12-02
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check aiortp==0.8.0

found=$(cd "$folder" && venv/bin/python - <<'PYTHON'
import asyncio
import contextlib
import socket

from aiortp.video_session import VideoRTPSession

NUMBERS, ROUNDS, TICKS, WAIT_S = 1 << 16, 2, 3000, 0.5
# What a slice of a key picture, and a key picture of 640 x 480, begin with.
BEGINS = {"h264": b"\x65", "vp8": b"\x10\x00\x00\x9d\x01\x2a\x80\x02\xe0\x01"}


def find_ports():
    """Two ports of the loopback, each with the next one free, too."""
    found = []
    for port in range(20_000, 60_000, 2):
        with contextlib.suppress(OSError), contextlib.ExitStack() as both:
            for one in (port, port + 1):
                both.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)).bind(
                    ("127.0.0.1", one))
            found.append(port)
        if len(found) == 2:
            return [("127.0.0.1", one) for one in found]


async def send(codec, size):
    """Send pictures of `size` bytes until the numbers have begun again twice."""
    here, there = find_ports()
    sender = await VideoRTPSession.create(here, there, codec=codec)
    receiver = await VideoRTPSession.create(there, here, codec=codec)
    came, arrived, asked = {}, asyncio.Event(), []

    def take(data, time, _):
        came.setdefault(time, []).append(data)
        arrived.set()

    receiver.on_frame = take
    sender.on_keyframe_needed = lambda: asked.append(True)
    count = packets = across = torn = missing = others = 0
    while packets < ROUNDS * NUMBERS:
        count += 1
        body = b"".join(n.to_bytes(4, "big") for n in range(count, count + size // 4))
        picture = BEGINS[codec] + body
        first, sent = sender._sender.sequence_number, sender._sender.packets_sent
        arrived.clear()
        sender.send_frame([picture], count * TICKS, keyframe=True)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(arrived.wait(), WAIT_S)
        packets += sender._sender.packets_sent - sent
        crosses = first + sender._sender.packets_sent - sent > NUMBERS
        got = came.pop(count * TICKS, [])
        across += crosses
        missing += crosses and not got
        torn += crosses and got != [picture] and bool(got)
        others += not crosses and got != [picture]
    await asyncio.sleep(WAIT_S)
    await sender.close()
    await receiver.close()
    print(f"{codec}: of the pictures across the wrap, {across > 0} that there are any,")
    print(f"  all are missing {missing == across}, all are torn {torn == across}; "
          f"of the others {others} are")
    print(f"  key pictures asked for: {len(asked)}")


for codec in BEGINS:
    asyncio.run(send(codec, 80_000))
PYTHON
)
echo "$found"
expected="\
h264: of the pictures across the wrap, True that there are any,
  all are missing True, all are torn False; of the others 0 are
  key pictures asked for: 0
vp8: of the pictures across the wrap, True that there are any,
  all are missing False, all are torn True; of the others 0 are
  key pictures asked for: 0"
[[ $found == "$expected" ]] || { echo "expected:"; echo "$expected"; exit 1; } >&2
