"""A hub, its sites and their boards in network name spaces of their own, with cables between them.

    boards of hall0 -- leaf hall0 --+
    boards of hall1 -- leaf hall1 --+-- hub

Nothing in them reaches the machine's own network, nor the other way.
"""

import ctypes
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

from tests.faults.sandbox import run

_NETWORK = "10.214"
_CLONE_NEWNET = 0x40000000

T = TypeVar("T")


class Place(NamedTuple):
    """A name space."""

    name: str

    @property
    def enter(self) -> tuple[str, ...]:
        """What a command begins with that is to run in it."""
        return "ip", "netns", "exec", self.name

    def do(self, work: Callable[[], T]) -> T:
        """Call something in a thread of this process that is in the name space."""
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(self._enter_and_do, work).result()

    def _enter_and_do(self, work: Callable[[], T]) -> T:
        libc = ctypes.CDLL(None, use_errno=True)
        fd = os.open(f"/run/netns/{self.name}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            if libc.setns(fd, _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
        finally:
            os.close(fd)
        return work()

    def bytes_received(self) -> int:
        """Over all cables, since they were made."""
        rows = self.do(lambda: Path("/proc/thread-self/net/dev").read_text().splitlines()[2:])
        counts = (row.partition(":") for row in rows)
        return sum(int(numbers.split()[0]) for name, _, numbers in counts if name.strip() != "lo")


class Cable(NamedTuple):
    """Between two name spaces; it is pulled at one end."""

    place: Place
    interface: str

    def pull(self) -> None:
        run(*self.place.enter, "ip", "link", "set", self.interface, "down")

    def plug_in(self) -> None:
        run(*self.place.enter, "ip", "link", "set", self.interface, "up")


class SiteNetwork(NamedTuple):
    """That of a site: its server, its boards, and how they are reached."""

    leaf: Place
    boards: Place
    hub_address: str  # for the leaf
    leaf_address: str  # for the boards
    to_hub: Cable
    to_boards: Cable


class Network(NamedTuple):
    """All of it."""

    hub: Place
    sites: tuple[SiteNetwork, ...]

    @property
    def addresses(self) -> list[str]:
        """Of all servers."""
        return [address for site in self.sites for address in (site.hub_address, site.leaf_address)]


@contextmanager
def make_network(sites: int) -> Iterator[Network]:
    """Raises Refused."""
    base = f"tlf{os.getpid()}"
    hub = Place(f"{base}h")
    made: list[Place] = []
    try:
        _add(hub, made)
        yield Network(hub, tuple(_make_site(base, hub, number, made) for number in range(sites)))
    finally:
        for place in reversed(made):
            run("ip", "netns", "del", place.name)  # and its cables with it


def _add(place: Place, made: list[Place]) -> None:
    run("ip", "netns", "add", place.name)
    made.append(place)
    run(*place.enter, "ip", "link", "set", "lo", "up")


def _make_site(base: str, hub: Place, number: int, made: list[Place]) -> SiteNetwork:
    leaf, boards = Place(f"{base}l{number}"), Place(f"{base}b{number}")
    for place in (leaf, boards):
        _add(place, made)
    hub_address, leaf_out, leaf_in, boards_in = (
        f"{_NETWORK}.{number}.{last}" for last in (1, 2, 5, 6)
    )
    _connect((hub, f"site{number}", hub_address), (leaf, "hub", leaf_out))
    _connect((leaf, "boards", leaf_in), (boards, "leaf", boards_in))
    return SiteNetwork(
        leaf, boards, hub_address, leaf_in, Cable(hub, f"site{number}"), Cable(leaf, "boards")
    )


def _connect(one: tuple[Place, str, str], other: tuple[Place, str, str]) -> None:
    """Two ends, each with a place, a name there and an address."""
    run(
        "ip", "link", "add", one[1], "netns", one[0].name,
        "type", "veth", "peer", "name", other[1], "netns", other[0].name,
    )  # fmt: skip
    for place, interface, address in (one, other):
        run(*place.enter, "ip", "addr", "add", f"{address}/30", "dev", interface)
        run(*place.enter, "ip", "link", "set", interface, "up")
