"""Count who crosses the lines: python docs/examples/count_crossings.py [ENDPOINT [CAMERA]]

Runs where the project is installed; elsewhere, copy the folder pipeline/client beside this file and
import from `client`. The line counts: `count` is how often its counting line was crossed in this
direction since it was started. So an event that does not get here costs no count.
"""

import sys
from collections import defaultdict

from pipeline.client import EventMessage, EventSubscriber


def complain(trouble: str) -> None:
    print(trouble, file=sys.stderr, flush=True)


def main() -> None:
    endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5570"
    run, counts = "", defaultdict[tuple[str, str | None], dict[str | None, int | None]](dict)
    with EventSubscriber(
        endpoint, sys.argv[2:], status=False, patience_s=3, on_trouble=complain
    ) as events:
        for event in events:
            if not isinstance(event, EventMessage) or event.kind != "line_cross":
                continue
            if event.run != run:  # the line was started again, and counts anew
                run = event.run
                counts.clear()
            crossed = counts[event.camera, event.region]
            crossed[event.direction] = event.count
            so_far = ", ".join(f"{direction} {count}" for direction, count in crossed.items())
            print(f"{event.camera} {event.region}: {so_far} (now a {event.label})", flush=True)


if __name__ == "__main__":
    main()
