"""What is done to a simulated fleet by chance, several things at a time."""

import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from tests.faults.sandbox import Refused
from tests.fleet.fleet import SimulatedFleet
from tests.fleet.network import Cable
from tests.fleet.servers import Housed
from tests.fleet.site import Site
from tests.stages.services.fleet.servers import Server

_AT_ONCE = 4
_PAUSE_S = (1.0, 4.0)  # between the beginnings of two faults
_HOUR_S, _DAY_S = 3600, 86_400
_STEPS_S = (-20 * _DAY_S, -_HOUR_S, 0, _HOUR_S, 20 * _DAY_S)
# Of servers: a stream knows ids for an hour of its server's clock, and keeps events for a day.
_STEPS_OF_SERVERS_S = (-1200, -300, 0, 300, 1200)


class Fault(NamedTuple):
    """Something that is done to a part, which nothing else is done to meanwhile."""

    part: str
    do: Callable[[], None]


class Faults:
    """`done` counts what has been done, by its name.

    Args:
        rate, peak: events a second of each board, usually and at peaks.
    """

    def __init__(
        self, fleet: SimulatedFleet, rate: float, peak: float, chance: random.Random
    ) -> None:
        self._fleet, self._rate, self._peak, self._chance = fleet, rate, peak, chance
        self._busy: set[str] = set()
        self._lock = threading.Lock()
        self._steps_servers = _can_step(fleet.hub)
        self.done: Counter[str] = Counter()

    def run(self, seconds: float) -> None:
        """Begin faults for so long, and see all of them through."""
        end_s = time.monotonic() + seconds
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            running = list[Future[None]]()
            while time.monotonic() < end_s:
                running = [each for each in running if not _is_over(each)]
                if len(running) < _AT_ONCE:
                    running += self._begin(pool)
                time.sleep(self._chance.uniform(*_PAUSE_S))
        for each in running:
            each.result()

    def _begin(self, pool: ThreadPoolExecutor) -> list[Future[None]]:
        site = self._chance.choice(self._fleet.sites)
        kinds = self._kinds(site) | (self._steps(site) if self._steps_servers else {})
        name = self._chance.choice(list(kinds))
        fault = kinds[name]
        if fault.part in self._busy:
            return []
        with self._lock:
            self._busy.add(fault.part)
        self.done[name] += 1
        return [pool.submit(self._do, fault)]

    def _do(self, fault: Fault) -> None:
        try:
            fault.do()
        finally:
            with self._lock:
                self._busy.discard(fault.part)

    def _fill(self, site: Site) -> None:
        if fill(site, self._chance.uniform(5, 20)):
            self.done["leaf restarted by its probe"] += 1

    def _step(self, server: Housed) -> None:
        server.set_clock(self._chance.choice(_STEPS_OF_SERVERS_S))

    def _steps(self, site: Site) -> dict[str, Fault]:
        return {
            "clock of a leaf stepped": Fault(f"{site.name} leaf", lambda: self._step(site.leaf)),
            "clock of the hub stepped": Fault("hub", lambda: self._step(self._fleet.hub)),
        }

    def _kinds(self, site: Site) -> dict[str, Fault]:
        draw = self._chance.uniform
        return {
            "link to the hub cut": Fault(
                f"{site.name} link", lambda: cut(site.network.to_hub, draw(10, 90))
            ),
            "boards cut off": Fault(
                f"{site.name} cable", lambda: cut(site.network.to_boards, draw(5, 30))
            ),
            "hub killed": Fault("hub", lambda: kill(self._fleet.hub, draw(1, 15))),
            "leaf killed": Fault(f"{site.name} leaf", lambda: kill(site.leaf, draw(1, 15))),
            "disk of a leaf full": Fault(f"{site.name} leaf", lambda: self._fill(site)),
            "services killed": Fault(f"{site.name} boards", lambda: restart(site, draw(0.5, 4))),
            "clock of boards stepped": Fault(
                f"{site.name} clock", lambda: site.clock.step(self._chance.choice(_STEPS_S))
            ),
            "peak of a site": Fault(
                f"{site.name} pace", lambda: peak([site], self._rate, self._peak, draw(5, 10))
            ),
            "peak of all": Fault(
                "pace", lambda: peak(self._fleet.sites, self._rate, self._peak, draw(3, 5))
            ),
        }


def _can_step(server: Housed) -> bool:
    try:
        server.set_clock(0)
    except (Refused, OSError) as refusal:
        sys.stderr.write(f"clocks of servers are not stepped: {refusal}\n")
        return False
    return True


def _is_over(work: Future[None]) -> bool:
    """Raises what it has raised."""
    if not work.done():
        return False
    work.result()
    return True


def cut(cable: Cable, seconds: float) -> None:
    cable.pull()
    time.sleep(seconds)
    cable.plug_in()


def kill(server: Server, seconds: float) -> None:
    """Nobody forces anything to its disk; it is away for so long."""
    server.stop()
    time.sleep(seconds)
    server.start()


def fill(site: Site, seconds: float) -> bool:
    """A server that has stopped to store is started again, as its probe does; returns whether."""
    site.leaf.fill()
    time.sleep(seconds)
    site.leaf.empty()
    if site.leaf.is_well():
        return False
    kill(site.leaf, 0.0)
    return True


def restart(site: Site, seconds: float) -> None:
    site.boards.kill()
    time.sleep(seconds)
    site.boards.start()


def peak(sites: Sequence[Site], rate: float, at_peak: float, seconds: float) -> None:
    for site in sites:
        site.boards.set_rate(at_peak)
    time.sleep(seconds)
    for site in sites:
        site.boards.set_rate(rate)
