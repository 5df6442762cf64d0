"""What a server takes of the machine, and what that means for more boards."""

import os
import time
from pathlib import Path
from typing import NamedTuple

from stages.services.machine import read_use
from tests.fleet.servers import Hub


class Reading(NamedTuple):
    """Of the hub, since it was started."""

    at_s: float
    events: int
    cpu_s: float
    received: int  # bytes over its cables
    written: int  # bytes to the disk
    fsyncs: int | None


class Cost(NamedTuple):
    """Of the hub, for each event that came in meanwhile."""

    events_a_second: float
    cpu_us: float
    received_bytes: float
    written_bytes: float
    stored_bytes: float  # of files, for each event that they hold
    fsyncs_a_second: float | None
    memory_mib: float

    def __str__(self) -> str:
        fsyncs = "not counted" if self.fsyncs_a_second is None else f"{self.fsyncs_a_second:.2f}"
        return (
            f"{self.events_a_second:.0f} events/s: {self.cpu_us:.0f} us of the processor, "
            f"{self.received_bytes:.0f} bytes received, {self.written_bytes:.0f} written and "
            f"{self.stored_bytes:.0f} kept for each; fsyncs a second: {fsyncs}; "
            f"{self.memory_mib:.0f} MiB resident"
        )


def read_cost(hub: Hub, events: int) -> Reading:
    use = read_use(hub.server_pid)
    assert use is not None, "the hub runs"
    rows = Path(f"/proc/{hub.server_pid}/io").read_text().splitlines()
    counts = dict(row.split(": ") for row in rows)
    return Reading(
        time.monotonic(), events, use.cpu_s, hub.place.bytes_received(),
        int(counts["write_bytes"]), hub.fsyncs(),
    )  # fmt: skip


def compare(hub: Hub, before: Reading, after: Reading) -> Cost:
    events, seconds = after.events - before.events, after.at_s - before.at_s
    fsyncs = None
    if after.fsyncs is not None and before.fsyncs is not None:
        fsyncs = (after.fsyncs - before.fsyncs) / seconds
    pages = int(Path(f"/proc/{hub.server_pid}/statm").read_text().split()[1])
    return Cost(
        events / seconds,
        1e6 * (after.cpu_s - before.cpu_s) / events,
        (after.received - before.received) / events,
        (after.written - before.written) / events,
        stored_bytes(hub.folder) / after.events,
        fsyncs,
        pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
    )


def stored_bytes(folder: Path) -> int:
    """Of the files of the stream of events."""
    return sum(
        path.stat().st_size for path in folder.glob("store/**/*.blk") if "tl_events" in str(path)
    )


def extrapolate(cost: Cost, boards: int, events_a_second: float) -> str:
    """What the hub would take with so many boards, each with so many events a second: computed."""
    rate = boards * events_a_second
    per_day = 86_400 * rate * cost.stored_bytes / 1e9
    return (
        f"{boards:,} boards with {events_a_second:g} events/s each: {rate:,.0f} events/s, "
        f"{100 * rate * cost.cpu_us / 1e6:.0f} % of a core, "
        f"{8 * rate * cost.received_bytes / 1e6:.1f} Mbit/s, {per_day:.0f} GB a day"
    )
