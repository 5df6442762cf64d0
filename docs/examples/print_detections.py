"""Print what a line sees: python docs/examples/print_detections.py [ENDPOINT]

Runs where the project is installed; elsewhere, copy the folder pipeline/client beside this file and
import from `client`. The subscriber leaves out messages that repeat the last one of their camera,
which it recognizes by `seq`.
"""

import sys

from pipeline.client import DetectionSubscriber, StatusMessage


def complain(trouble: str) -> None:
    print(trouble, file=sys.stderr, flush=True)


def main() -> None:
    endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5570"
    with DetectionSubscriber(endpoint, timeout_s=10, patience_s=3, on_trouble=complain) as messages:
        for message in messages:
            if isinstance(message, StatusMessage):
                print(f"{message.camera} is {message.state} {message.why}", flush=True)
                continue
            objects = ", ".join(f"{d.label} {d.score:.2f} {d.box}" for d in message.detections)
            looked = message.status == "ok"
            text = (objects or "nothing") if looked else f"{message.status} {message.why}".rstrip()
            print(f"{message.camera} {message.frame_id}: {text}", flush=True)
    print("nothing for ten seconds: is the line running?", file=sys.stderr)


if __name__ == "__main__":
    main()
