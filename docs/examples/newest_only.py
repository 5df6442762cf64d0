"""Print the newest result of one camera: python newest_only.py [ENDPOINT [CAMERA]]

This needs pyzmq and msgspec, and nothing of the project. CONFLATE keeps one message per socket, the
newest, so a slow program never works on an old message. The line repeats its last message for
clients that come late, and after a reconnection: `seq` tells that it is the same.
"""

import sys

import msgspec
import zmq

endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5570"
camera = sys.argv[2] if len(sys.argv) > 2 else "street"
socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
socket.setsockopt(zmq.CONFLATE, 1)  # before connecting, or it has no effect
socket.setsockopt(zmq.SUBSCRIBE, f"det.{camera} ".encode())
socket.connect(endpoint)
last = None
while socket.poll(10_000):
    message = msgspec.msgpack.decode(socket.recv().partition(b" ")[2])
    now = message["seq"], message["captured_unix_ns"]  # a line that was restarted counts anew
    if now == last:
        continue
    last = now
    labels = [detection["label"] for detection in message["detections"]]
    print(message["frame_id"], f"{message['age_ms']:.1f} ms", *labels, flush=True)
socket.close()
