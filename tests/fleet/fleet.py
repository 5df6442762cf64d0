"""A whole simulated fleet: its network, its servers, the watcher of the hub, and its sites."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from stages.services.fleet.subjects import STATES
from tests.deploy.fleet_servers import make_certificates
from tests.faults.sandbox import SteppedClock
from tests.fleet.network import make_network
from tests.fleet.servers import HUB_LIMITS, Hub, wait_for_leaves
from tests.fleet.site import Site
from tests.running_line import REPOSITORY, wait_until

_PATIENCE_S = 300.0
_STATES_OF_BOARD = 3  # of itself, its camera, and its counters
_DAY_S = 86_400
# Clocks of boards are set back by so much less: a certificate must not begin after that.
_CERTIFICATES_BEGAN_S = -30 * _DAY_S


class SimulatedFleet(NamedTuple):
    """All of it, running."""

    hub: Hub
    sites: tuple[Site, ...]


@contextmanager
def running_fleet(folder: Path, sites: int, boards: int, events: Path) -> Iterator[SimulatedFleet]:
    """`boards` at each of the sites. Raises Refused."""
    names = [f"hall{number}" for number in range(sites)]
    with ExitStack() as stack:
        network = stack.enter_context(make_network(sites))
        tls = folder / "tls"
        tls.mkdir()
        clock = SteppedClock(tls)
        clock.step(_CERTIFICATES_BEGAN_S)
        addresses = ["127.0.0.1", *network.addresses]
        make_certificates(tls, ["hub", *names], addresses, clock.wrap)
        hub = Hub(network.hub, folder / "hub", tls, names)
        stack.callback(hub.stop)
        made = []
        for number, name in enumerate(names):
            of_site = [f"board-{number}-{each}" for each in range(boards)]
            site = Site(network.sites[number], folder / name, name, tls, of_site, events)
            stack.callback(site.close)
            made.append(site)
        wait_for_leaves(hub, sites)
        stack.enter_context(watching(hub, names, folder / "watch.log"))
        for site in made:
            site.boards.start()
        for site in made:
            wait_until(
                lambda leaf=site.leaf: leaf.count(STATES) >= _STATES_OF_BOARD * boards,  # type: ignore[misc]
                f"all boards of {site.name} have told how they are", _PATIENCE_S, pause_s=1.0,
            )  # fmt: skip
        yield SimulatedFleet(hub, tuple(made))


@contextmanager
def watching(hub: Hub, sites: list[str], log: Path) -> Iterator[None]:
    """The command that wakes sources that sleep, as an operator lets it run."""
    limits = ["--days", f"{HUB_LIMITS.days}", "--gb", f"{HUB_LIMITS.gb}"]
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*hub.place.enter, sys.executable, "-m", "stages.services.fleet.streams", "hub",
             *sites, *limits, "--watch", *hub.arguments()],
            cwd=REPOSITORY, stdout=file, stderr=file,
        )  # fmt: skip
    try:
        yield
        assert process.poll() is None, log.read_text()
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()
