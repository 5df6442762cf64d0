"""Outboxes that tests fill, and a process that fills one until it is killed."""

import sys
from pathlib import Path

from stages.services.outbox.item import Limits, MessageId
from stages.services.outbox.outbox import Outbox

ROOMY = Limits(max_bytes=1 << 24, max_age_s=1e6)
NAME = "mqtt.outbox"
RUN = "k3x9_a2b"


def make_id(seq: int, camera: str = "gate", run: str = RUN) -> MessageId:
    return MessageId("board-3", run, camera, seq)


def open_outbox(path: Path, limits: Limits = ROOMY) -> Outbox:
    return Outbox(path, limits, NAME)


def put(outbox: Outbox, *seqs: int, size: int = 300) -> None:
    """Events whose body begins with their number."""
    for seq in seqs:
        assert outbox.put_event(make_id(seq), "event", f"{seq} ".encode().ljust(size))


def numbers(outbox: Outbox) -> list[int]:
    """The events that wait, as `put` has numbered them."""
    return [int(item.body.split()[0]) for item in outbox.waiting(100_000)]


def fill_for_ever(path: Path) -> None:
    """Put an event and take one in turns, and say what has been done, until the process dies."""
    outbox = open_outbox(path)
    seq = outbox.last_seq("gate", RUN) + 1
    while True:
        put(outbox, seq)
        _say(f"put {seq}")
        seq += 1
        if seq % 3 == 0:
            (first,) = outbox.waiting(1)
            outbox.forget([first.number])
            _say(f"taken {first.body.split()[0].decode()}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    fill_for_ever(Path(sys.argv[1]))
