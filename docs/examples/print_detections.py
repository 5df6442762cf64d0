"""Print what a line sees: python docs/examples/print_detections.py [ENDPOINT]

Runs where the project is installed; elsewhere, copy pipeline/client.py beside this file and import
from `client`. Messages that repeat the last one of their camera are left out.
"""

import sys

from pipeline.client import DetectionSubscriber, StatusMessage


def main() -> None:
    endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5570"
    last_seq: dict[str, int] = {}
    with DetectionSubscriber(endpoint, timeout_s=10) as subscriber:
        for message in subscriber:
            if isinstance(message, StatusMessage):
                print(f"{message.camera} is {message.state} {message.why}", flush=True)
                continue
            if message.seq == last_seq.get(message.camera):
                continue
            last_seq[message.camera] = message.seq
            objects = ", ".join(f"{d.label} {d.score:.2f} {d.box}" for d in message.detections)
            text = (objects or "nothing") if message.status == "ok" else message.why
            print(f"{message.camera} {message.frame_id}: {text}", flush=True)
    print("nothing for ten seconds: is the line running?", file=sys.stderr)


if __name__ == "__main__":
    main()
