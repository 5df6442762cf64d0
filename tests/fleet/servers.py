"""The servers of a simulated fleet: the files of `deploy/nats`, each in a place of its own."""

import http.client
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from nats.aio.client import Client

from stages.services.fleet.streams import Limits, hub_streams, leaf_streams
from tests.deploy.fleet_servers import FILES, Deployed
from tests.faults.sandbox import Refused, run
from tests.fleet.network import Place, SiteNetwork
from tests.fleet.server_clock import step_clock
from tests.running_line import wait_until

HUB_LIMITS, LEAF_LIMITS = Limits(1, 2), Limits(1, 0.05)  # days, gigabytes
LEAF_DISK_BYTES = 160 << 20

T = TypeVar("T")


class Housed(Deployed):
    """A server in a name space; people who ask it are there, too."""

    def __init__(
        self,
        place: Place,
        folder: Path,
        name: str,
        tls: Path,
        changes: Mapping[str, str],
        hub_url: str = "",
        wrap: Sequence[str] = (),
    ) -> None:
        self.place, self._ahead_s = place, 0
        super().__init__(folder, name, tls, changes, hub_url, enter=(*place.enter, *wrap))

    @property
    def server_pid(self) -> int:
        """Of nats-server."""
        return self.pid

    def start(self) -> None:
        super().start()
        if self._ahead_s:
            step_clock(self.server_pid, self._ahead_s)

    def set_clock(self, ahead_s: int) -> None:
        """Of the machine's; it stays so when the server is started again. Raises Refused."""
        step_clock(self.server_pid, ahead_s)
        self._ahead_s = ahead_s

    def do(self, work: Callable[[Client], Awaitable[T]]) -> T:
        return self.place.do(lambda: super(Housed, self).do(work))


class Hub(Housed):
    """Counts its calls of fsync, where the machine permits that."""

    def __init__(self, place: Place, folder: Path, tls: Path, sites: Sequence[str]) -> None:
        self._calls = folder / "fsyncs"
        self.is_traced = _may_trace()
        wrap = (
            "strace", "-f", "--seccomp-bpf", "-qq", "-A", "-o", str(self._calls),
            "-e", "trace=fsync,fdatasync,sync_file_range",
        ) if self.is_traced else ()  # fmt: skip
        block = _block("hub-users.conf", "site_yard")
        more = "".join(block.replace("yard", site) for site in sites)
        changes = {block: more, "max_file_store: 250GB": "max_file_store: 4GB"}
        super().__init__(place, folder, "hub", tls, changes, wrap=wrap)
        self.make_streams(*hub_streams(sites, HUB_LIMITS))

    @property
    def server_pid(self) -> int:
        """Of nats-server, which strace may have started."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return int(children[0]) if self.is_traced and children else self.pid

    def stop(self, number: signal.Signals = signal.SIGKILL) -> None:
        """The server itself: strace ends with it."""
        if self._process is not None:
            with suppress(OSError):  # it has died
                os.kill(self.server_pid, number)
            self._process.wait()
            self._process = None

    def fsyncs(self) -> int | None:
        """Since the beginning; None where they cannot be counted."""
        if not self.is_traced:
            return None
        return len(re.findall(r"\b(?:fsync|fdatasync|sync_file_range)\(", self._calls.read_text()))


class Leaf(Housed):
    """The server of a site, on a disk of its own that can be filled."""

    def __init__(
        self, network: SiteNetwork, folder: Path, site: str, tls: Path, boards: Sequence[str]
    ) -> None:
        self.site, self.network = site, network
        self.disk = folder / "disk"
        self.disk.mkdir(parents=True)
        run("mount", "-t", "tmpfs", "-o", f"size={LEAF_DISK_BYTES}", "tmpfs", str(self.disk))
        block = _block("leaf-users.conf", "board-2")
        more = "".join(block.replace("board-2", board) for board in boards)
        changes = {
            block: more, "max_file_store: 6GB": "max_file_store: 120MB", "hall": site,
            'store_dir: "./store"': f'store_dir: "{self.disk}/store"',
        }  # fmt: skip
        hub_url = f"tls://site_{site}:secret@{network.hub_address}:7422"
        super().__init__(network.leaf, folder / "server", "leaf", tls, changes, hub_url)
        self.make_streams(*leaf_streams(site, LEAF_LIMITS))

    def fill(self) -> None:
        """The rest of its disk is taken by something else."""
        with (self.disk / "filler").open("wb", buffering=0) as filler:
            block = b"\0" * (1 << 16)
            try:
                while True:
                    filler.write(block)
            except OSError:  # no room
                return

    def empty(self) -> None:
        """There is room again."""
        (self.disk / "filler").unlink()

    def is_well(self) -> bool:
        """As whoever looks after servers asks them.

        A stream whose disk was full takes nothing until its server is started again, also when
        there is room (nats-server 2.15.1); `?js-enabled-only` knows nothing of that.
        """
        return self.place.do(_ask_health)

    def close(self) -> None:
        self.stop()
        run("umount", "--lazy", str(self.disk))


def _block(file: str, user: str) -> str:
    """The text of a user in a file of `deploy/nats`."""
    found = re.search(rf"^ *{{ user: {user},.*?}} }} }}\n", (FILES / file).read_text(), re.M | re.S)
    assert found is not None, f"{file} has no user {user}"
    return found[0]


def _ask_health() -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", 8222, timeout=10)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _may_trace() -> bool:
    if shutil.which("strace") is None:
        return False
    tried = subprocess.run(
        ["strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "true"],
        capture_output=True, check=False,
    )  # fmt: skip
    return tried.returncode == 0


def check_tools() -> None:
    """Raises Refused."""
    for tool in ("ip", "openssl", "mount"):
        if shutil.which(tool) is None:
            raise Refused(f"{tool} is not installed")


def wait_for_leaves(hub: Hub, sites: int) -> None:
    """Until all of them have connected."""
    wait_until(
        lambda: hub.log.count("Leafnode connection created") >= sites, "the leaves have connected",
        pause_s=0.2,
    )  # fmt: skip
