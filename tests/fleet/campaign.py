"""The course of a simulation: what is measured, what is done to the fleet, what has arrived."""

import asyncio
import io
import json
import random
import time
from collections.abc import Callable
from typing import NamedTuple

from nats.aio.client import Client

from stages.services.fleet import export
from stages.services.fleet.operator import OperatorError, ask
from stages.services.fleet.subjects import EVENTS
from tests.fleet.cost import Cost, compare, read_cost
from tests.fleet.faults import Faults
from tests.fleet.fleet import SimulatedFleet
from tests.fleet.servers import Housed
from tests.fleet.verdict import Verdict, judge
from tests.running_line import wait_until

_PATIENCE_S = 300.0
_LOOK_S = 0.25
_STEADY_S = 30.0  # over which costs are measured
_UP_TO_DATE_S = 2.0  # a stream that lacks what was told in this time has caught up


class CatchUp(NamedTuple):
    """How fast a stream got what it had missed, while more happened."""

    backlog: int
    silent_s: float  # until the last look that saw nothing of it
    seconds: float  # from then on, until all was there
    events_a_second: float
    times_live: float  # compared with what happens

    def __str__(self) -> str:
        return (
            f"{self.backlog} events caught up with in {self.seconds:.1f} s, after "
            f"{self.silent_s:.1f} s of silence: {self.events_a_second:.0f} a second, "
            f"{self.times_live:.1f} times the live rate"
        )


class Campaign:
    """`told`, `lost`, `settled_s` and `seconds` are known at its end."""

    def __init__(self, fleet: SimulatedFleet, rate: float, peak: float, seed: int) -> None:
        self._fleet, self._rate = fleet, rate
        self._faults = Faults(fleet, rate, peak, random.Random(seed))
        self._began_s = time.monotonic()
        self.told: dict[str, int] = {}
        self.lost = 0
        self.settled_s = 0.0
        self.seconds = 0.0

    @property
    def done(self) -> dict[str, int]:
        """Faults, by kind."""
        return dict(self._faults.done)

    def settle_in(self) -> None:
        """Until every board has told something that is at the hub."""
        self._set_rate(self._rate)
        wait_until(
            lambda: all(min(site.boards.report().told.values()) for site in self._fleet.sites),
            "every board has told something", _PATIENCE_S, pause_s=0.5,
        )  # fmt: skip
        wanted = self._count_told()
        wait_until(
            lambda: self._fleet.hub.count(EVENTS) >= wanted, "it is at the hub", _PATIENCE_S,
            pause_s=1.0,
        )  # fmt: skip

    def measure_cost(self) -> Cost:
        """Of the hub, while all is well."""
        hub = self._fleet.hub
        before = read_cost(hub, hub.count(EVENTS))
        time.sleep(_STEADY_S)
        return compare(hub, before, read_cost(hub, hub.count(EVENTS)))

    def measure_catching_up(self, outage_s: float) -> tuple[CatchUp, Cost]:
        """Of the hub, after it was killed and away for so long; and what it takes meanwhile."""
        hub = self._fleet.hub
        before = hub.count(EVENTS)
        hub.stop()
        time.sleep(outage_s)
        hub.start()
        backlog = self._count_told() - before
        boards = sum(len(site.boards.report().told) for site in self._fleet.sites)
        began = read_cost(hub, before)
        speed = self._measure(hub, before, backlog, self._count_told, boards * self._rate)
        return speed, compare(hub, began, read_cost(hub, hub.count(EVENTS)))

    def measure_leaf_catching_up(self, outage_s: float) -> CatchUp:
        """Of the first leaf, after its boards were cut off for so long."""
        site = self._fleet.sites[0]

        def told() -> int:
            return sum(site.boards.report().told.values())

        before = site.leaf.count(EVENTS)
        site.network.to_boards.pull()
        time.sleep(outage_s)
        site.network.to_boards.plug_in()
        live = len(site.boards.report().told) * self._rate
        return self._measure(site.leaf, before, told() - before, told, live)

    def fail(self, seconds: float) -> None:
        """For so long, whatever can."""
        self._faults.run(seconds)

    def finish(self) -> Verdict:
        """Nothing happens any more: whether all that has happened is at the hub."""
        self._set_rate(0.0)
        began_s = time.monotonic()
        time.sleep(1.0)  # a command is read, a turn is taken
        for site in self._fleet.sites:
            self.told |= site.boards.report().told
        deadline_s = began_s + _PATIENCE_S
        while self._count_at_hub() < sum(self.told.values()) and time.monotonic() < deadline_s:
            time.sleep(1.0)
        self.settled_s = time.monotonic() - began_s
        self.seconds = time.monotonic() - self._began_s
        self.lost = sum(site.boards.report().lost for site in self._fleet.sites)
        lines = io.BytesIO()
        self._fleet.hub.do(lambda client: export.fetch(client, None, None, lines))
        return judge(self.told, map(json.loads, lines.getvalue().splitlines()))

    def _set_rate(self, rate: float) -> None:
        for site in self._fleet.sites:
            site.boards.set_rate(rate)

    def _count_told(self) -> int:
        return sum(sum(site.boards.report().told.values()) for site in self._fleet.sites)

    def _count_at_hub(self) -> int:
        try:
            return self._fleet.hub.count(EVENTS)
        except OperatorError:
            return 0

    def _measure(
        self, server: Housed, before: int, backlog: int, told: Callable[[], int], live: float
    ) -> CatchUp:
        """From now on, until the stream has all but what was told just now."""
        began_s = time.monotonic()

        async def follow(client: Client) -> list[tuple[float, int]]:
            seen = list[tuple[float, int]]()
            while time.monotonic() < began_s + _PATIENCE_S:
                wanted = told() - live * _UP_TO_DATE_S
                info = await ask(client, f"STREAM.INFO.{EVENTS}")
                seen.append((time.monotonic(), int(info["state"]["messages"])))
                if seen[-1][1] >= wanted:
                    return seen
                await asyncio.sleep(_LOOK_S)
            raise AssertionError(f"the stream has not caught up: {seen[-1]}, told {told()}")

        seen = server.do(follow)
        still_s = max([began_s, *(at_s for at_s, count in seen if count <= before)])
        seconds = max(seen[-1][0] - still_s, _LOOK_S)  # nothing may have been missed
        speed = (seen[-1][1] - before) / seconds
        return CatchUp(backlog, still_s - began_s, seconds, speed, speed / live)
