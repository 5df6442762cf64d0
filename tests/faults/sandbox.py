"""What a line under fire has for itself, so that a fault meets no other process of the machine.

Shared memory and a disk of a few megabytes, a network with one camera on it, a wall clock that can
be stepped. Where the machine does not permit one of them, `refusals` says why, by its name.
"""

import contextlib
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

SHM_BYTES = 64 << 20  # two cameras' rings, several times
_ENTER_SHM = 'mount --bind "$0" /dev/shm && exec "$@"'
_CLOCK_SOURCE = Path(__file__).with_name("clock_step.c")


class Refused(Exception):
    """The machine does not permit it."""


class Sandbox:
    """Its parts are None where they are refused; `wrap` is what a line is to be started with."""

    def __init__(self, folder: Path, disk_bytes: int) -> None:
        self.refusals: dict[str, str] = {}
        self.wrap: tuple[str, ...] = ("setsid",)  # Ctrl-C in a terminal is for the soak alone
        self._stack = contextlib.ExitStack()
        self.disk = self._mount(folder / "disk", disk_bytes, "disk")
        self.shm = self._mount(folder / "shm", SHM_BYTES, "shm")
        if "shm" not in self.refusals:
            self.wrap += ("unshare", "--mount", "sh", "-c", _ENTER_SHM, str(self.shm))
        self.network: Network | None = None
        with self._permitted("network"):
            self.network = self._stack.enter_context(make_network())
        with self._permitted("delay"):
            self._try_delay()
        self.clock: SteppedClock | None = None
        with self._permitted("clock"):
            self.clock = SteppedClock(folder)
            self.wrap += self.clock.wrap

    def close(self) -> None:
        self._stack.close()

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _mount(self, path: Path, size: int, name: str) -> Path:
        """A file system of this size; where it is refused, /dev/shm or a plain folder."""
        path.mkdir()
        with self._permitted(name):
            run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path))
            # Lazily: a reader of the ledger of a line that has ended still has its file mapped.
            self._stack.callback(run, "umount", "--lazy", str(path))
        return Path("/dev/shm") if name == "shm" and name in self.refusals else path

    def _try_delay(self) -> None:
        """A kernel may have networks and no module that delays what is sent."""
        if self.network is None:
            raise Refused(self.refusals["network"])
        self.network.delay(1)
        self.network.widen()

    @contextlib.contextmanager
    def _permitted(self, name: str) -> Iterator[None]:
        try:
            yield
        except Refused as refusal:
            self.refusals[name] = str(refusal)


class Network:
    """A name space with one end of a cable in it, the other end here."""

    def __init__(self, name: str, address: str) -> None:
        self.address = address
        self.enter = ("ip", "netns", "exec", name)
        self._cable = name

    def pull_plug(self) -> None:
        run("ip", "link", "set", self._cable, "down")

    def plug_in(self) -> None:
        run("ip", "link", "set", self._cable, "up")

    def delay(self, mean_ms: int) -> None:
        """What the camera sends comes later, by times that vary."""
        self._shape("netem", "delay", f"{mean_ms}ms", f"{mean_ms // 3}ms")

    def narrow(self, kbit_s: int) -> None:
        """What is more than that waits in a queue of its own, and in the camera's socket."""
        self._shape("tbf", "rate", f"{kbit_s}kbit", "burst", "4kb", "limit", "32kb")

    def widen(self) -> None:
        """Neither any more."""
        run(*self.enter, "tc", "qdisc", "del", "dev", "camera", "root")

    def _shape(self, *discipline: str) -> None:
        run(*self.enter, "tc", "qdisc", "replace", "dev", "camera", "root", *discipline)


@contextlib.contextmanager
def make_network() -> Iterator[Network]:
    number = os.getpid()
    name = f"fire{number}"
    first = number % 16384 * 4  # of a /30 of 10.213.0.0/16
    here, there = (f"10.213.{(first + i) // 256}.{(first + i) % 256}" for i in (1, 2))
    network = Network(name, there)
    run("ip", "netns", "add", name)
    try:
        run("ip", "link", "add", name, "type", "veth", "peer", "camera", "netns", name)
        run("ip", "addr", "add", f"{here}/30", "dev", name)
        run("ip", "link", "set", name, "up")
        for command in (
            f"addr add {there}/30 dev camera", "link set camera up", "link set lo up"
        ):  # fmt: skip
            run(*network.enter, "ip", *command.split())
        yield network
    finally:
        run("ip", "netns", "del", name)  # and the cable with it


class SteppedClock:
    """The wall clock of the line's processes: the machine's, plus `step`."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc")
        if compiler is None:
            raise Refused("the clock of a process is stepped by a library: needs a C compiler")
        library, self._file = folder / "clock_step.so", folder / "clock_step"
        run(compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(_CLOCK_SOURCE), "-ldl")
        self.step(0)
        self.wrap = ("env", f"LD_PRELOAD={library}", f"CLOCK_STEP_FILE={self._file}")

    def step(self, seconds: int) -> None:
        """In place: its readers have the file mapped."""
        fd = os.open(self._file, os.O_CREAT | os.O_WRONLY, 0o600)
        os.pwrite(fd, struct.pack("=q", seconds), 0)
        os.close(fd)


def run(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, check=False, text=True)
    except FileNotFoundError:
        raise Refused(f"{command[0]} is not installed") from None
    if done.returncode != 0:
        raise Refused(f"{' '.join(command)}: {done.stderr.strip()}")
