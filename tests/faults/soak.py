"""Faults by chance on a real line for as long as you like, and a page about it.

    python -m tests.faults.soak --hours 1 --seed 7 --out out/soak     everything that can be done
    python -m tests.faults.soak --kills 50 --out out/kills            each process killed 50 times

Ctrl-C ends it after the fault in hand, `report.html` and all; the same command goes on from there.
"""

import argparse
import itertools
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from tests.faults import schedule
from tests.faults.barrage import Barrage
from tests.faults.report import make_page, summarize
from tests.faults.schedule import Turn

_DISK_BYTES_PER_H = 2 << 30  # of messages and videos, at most
_LEAST_DISK_BYTES = 128 << 20


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.soak",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--hours", type=float, help="all kinds of faults, for so long")
    length.add_argument("--kills", type=int, help="only kills, so many of each process")
    parser.add_argument("--seed", type=int, default=1, help="of what comes when")
    parser.add_argument("--every", type=float, default=1.0, metavar="S", help="between samples")
    parser.add_argument("--out", type=Path, default=Path("out/soak"), help="folder of the tables")
    return parser


class Stop:
    """Set by Ctrl-C or SIGTERM."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True


def turns(options: argparse.Namespace, barrage: Barrage, stop: Stop) -> Iterator[Turn]:
    """What is still to come; a soak ends with what ends recordings."""
    for turn in _all_turns(options, barrage):
        if stop.asked:
            return
        yield turn


def _all_turns(options: argparse.Namespace, barrage: Barrage) -> Iterator[Turn]:
    done = len(barrage.outcomes.rows)
    if options.kills is not None:
        packs = schedule.kills(options.seed, options.kills)
        yield from itertools.islice(itertools.chain.from_iterable(packs), done, None)
        return
    # What the machine refuses is in the packs and no outcome: a few turns may come again.
    packs = schedule.rounds(options.seed)
    for turn in itertools.islice(itertools.chain.from_iterable(packs), done, None):
        if barrage.elapsed_s >= options.hours * 3600:
            break
        yield turn
    yield from schedule.last_round(options.seed)


def main() -> int:
    options = make_parser().parse_args()
    stop = Stop()
    barrage = Barrage(options.out)
    hours = options.hours or 1.0
    disk_bytes = max(int(hours * _DISK_BYTES_PER_H), _LEAST_DISK_BYTES)
    page = options.out / "report.html"
    command = " ".join(["python -m tests.faults.soak", *sys.argv[1:]])
    try:
        with tempfile.TemporaryDirectory(prefix="fire-") as scratch:
            barrage.run(Path(scratch), turns(options, barrage, stop), disk_bytes, options.every)
    finally:
        page.write_text(make_page(barrage, command))
        print(f"wrote {page}")
    for row in summarize(barrage.outcomes.rows):
        print("  ".join(row))
    for text in barrage.broken_promises():
        print(f"broken: {text}", file=sys.stderr)
    return 1 if barrage.broken_promises() else 0


if __name__ == "__main__":
    sys.exit(main())
