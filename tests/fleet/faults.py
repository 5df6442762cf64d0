"""What is done to a simulated fleet by chance, several things at a time."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from tests.fleet.fleet import SimulatedFleet
from tests.fleet.network import Cable
from tests.fleet.site import Site
from tests.stages.services.fleet.servers import Server

_AT_ONCE = 4
_PAUSE_S = (1.0, 4.0)  # between the beginnings of two faults
_HOUR_S, _DAY_S = 3600, 86_400
_STEPS_S = (-20 * _DAY_S, -_HOUR_S, 0, _HOUR_S, 20 * _DAY_S)


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
        kinds = self._kinds(site)
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

    def _kinds(self, site: Site) -> Mapping[str, Fault]:
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
            "disk of a leaf full": Fault(f"{site.name} leaf", lambda: fill(site, draw(5, 20))),
            "services killed": Fault(f"{site.name} boards", lambda: restart(site, draw(0.5, 4))),
            "clock stepped": Fault(
                f"{site.name} clock", lambda: site.clock.step(self._chance.choice(_STEPS_S))
            ),
            "peak of a site": Fault(
                f"{site.name} pace", lambda: peak([site], self._rate, self._peak, draw(5, 10))
            ),
            "peak of all": Fault(
                "pace", lambda: peak(self._fleet.sites, self._rate, self._peak, draw(3, 5))
            ),
        }


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


def fill(site: Site, seconds: float) -> None:
    """A server that has stopped to store is started again once there is room."""
    site.leaf.fill()
    time.sleep(seconds)
    site.leaf.empty()
    if not site.leaf.is_well():
        kill(site.leaf, 0.0)


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
