"""What is done to a line: each fault is a class here, with its force as its fields.

`strike` returns when the cause has ended: the process is dead, the camera is back, there is room
again. What follows is the line's business.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import ClassVar, Protocol

import msgspec

from tests.faults.line_under_fire import CAMERAS, LineUnderFire
from tests.integration import abusers


class Fault(Protocol):
    """`kind` names it in reports; `needs` is the part of the sandbox without which it cannot be."""

    kind: ClassVar[str]
    needs: ClassVar[tuple[str, ...]]
    __struct_fields__: ClassVar[tuple[str, ...]]

    def strike(self, line: LineUnderFire) -> None: ...


class Kill(msgspec.Struct, frozen=True):
    """SIGKILL of one process."""

    kind: ClassVar[str] = "kill"
    needs: ClassVar[tuple[str, ...]] = ()
    process: str

    def strike(self, line: LineUnderFire) -> None:
        line.line.kill(self.process)


class Pause(msgspec.Struct, frozen=True):
    """SIGSTOP, and SIGCONT before the watchdog takes it for hung."""

    kind: ClassVar[str] = "pause"
    needs: ClassVar[tuple[str, ...]] = ()
    process: str
    seconds: float

    def strike(self, line: LineUnderFire) -> None:
        line.line.kill(self.process, signal.SIGSTOP)
        time.sleep(self.seconds)
        line.line.kill(self.process, signal.SIGCONT)


class Hang(msgspec.Struct, frozen=True):
    """SIGSTOP for good: the watchdog ends it."""

    kind: ClassVar[str] = "hang"
    needs: ClassVar[tuple[str, ...]] = ()
    process: str

    def strike(self, line: LineUnderFire) -> None:
        stopped = line.line.kill(self.process, signal.SIGSTOP)
        line.wait_until(lambda: not Path(f"/proc/{stopped}").exists(), "the hung is found out")


class CameraOff(msgspec.Struct, frozen=True):
    """The camera loses its power for a while; the cause ends when it listens again."""

    kind: ClassVar[str] = "camera off"
    needs: ClassVar[tuple[str, ...]] = ("camera",)
    seconds: float

    def strike(self, line: LineUnderFire) -> None:
        assert line.camera is not None, "refused"
        line.camera.stop()
        time.sleep(self.seconds)
        line.camera.start()


class CableOut(msgspec.Struct, frozen=True):
    """The camera cannot be reached, and no packet says so."""

    kind: ClassVar[str] = "cable out"
    needs: ClassVar[tuple[str, ...]] = ("camera", "network")
    seconds: float

    def strike(self, line: LineUnderFire) -> None:
        assert line.sandbox.network is not None, "refused"
        line.sandbox.network.pull_plug()
        time.sleep(self.seconds)
        line.sandbox.network.plug_in()


class SlowNetwork(msgspec.Struct, frozen=True):
    """What the camera sends arrives late, and unevenly so."""

    kind: ClassVar[str] = "slow network"
    needs: ClassVar[tuple[str, ...]] = ("camera", "network", "delay")
    mean_ms: int
    seconds: float

    def strike(self, line: LineUnderFire) -> None:
        assert line.sandbox.network is not None, "refused"
        line.sandbox.network.delay(self.mean_ms)
        time.sleep(self.seconds)
        line.sandbox.network.widen()


class NarrowNetwork(msgspec.Struct, frozen=True):
    """The camera has more to send than there is room for."""

    kind: ClassVar[str] = "narrow network"
    needs: ClassVar[tuple[str, ...]] = ("camera", "network")
    kbit_s: int
    seconds: float

    def strike(self, line: LineUnderFire) -> None:
        assert line.sandbox.network is not None, "refused"
        line.sandbox.network.narrow(self.kbit_s)
        time.sleep(self.seconds)
        line.sandbox.network.widen()


class ClockStep(msgspec.Struct, frozen=True):
    """The wall clock jumps, and some time later back."""

    kind: ClassVar[str] = "clock step"
    needs: ClassVar[tuple[str, ...]] = ("clock",)
    step_s: int

    def strike(self, line: LineUnderFire) -> None:
        assert line.sandbox.clock is not None, "refused"
        line.sandbox.clock.step(self.step_s)
        line.wait_until(lambda: self._is_seen(line), "the step is seen in the results")
        line.sandbox.clock.step(0)

    def _is_seen(self, line: LineUnderFire) -> bool:
        stamped_s = line.inbox.latest["clip"].captured_unix_ns / 1e9
        return abs(stamped_s - time.time() - self.step_s) < abs(self.step_s) / 2


class SharedMemoryShort(msgspec.Struct, frozen=True):
    """/dev/shm has no room for a ring while a camera's process is killed."""

    kind: ClassVar[str] = "shared memory short"
    needs: ClassVar[tuple[str, ...]] = ("shm",)
    LEFT_BYTES: ClassVar[int] = 512 << 10
    process: str

    def strike(self, line: LineUnderFire) -> None:
        complaints = line.stderr.count("grow it with")
        with Filler(line.sandbox.shm, self.LEFT_BYTES) as filler:
            line.line.kill(self.process)
            # The room of the old ring is free for a moment: it is taken too.
            line.wait_until(
                lambda: filler.fill() and line.stderr.count("grow it with") > complaints,
                "a ring is refused",
            )


class SharedMemoryFull(msgspec.Struct, frozen=True):
    """Not one byte is left in /dev/shm while a stage is killed, for which none is needed."""

    kind: ClassVar[str] = "shared memory full"
    needs: ClassVar[tuple[str, ...]] = ("shm", "disk")  # it ends the videos, as a full disk does
    process: str

    def strike(self, line: LineUnderFire) -> None:
        with Filler(line.sandbox.shm, 0):
            line.line.kill_running(self.process)


class DiskFull(msgspec.Struct, frozen=True):
    """No room for the recordings, which end with one word; detections do not."""

    kind: ClassVar[str] = "disk full"
    needs: ClassVar[tuple[str, ...]] = ("disk",)
    SAID: ClassVar[str] = "No space left on device: the recording ends here; the line goes on"

    def strike(self, line: LineUnderFire) -> None:
        with Filler(line.sandbox.disk, 0):
            recordings = 1 + len(CAMERAS)  # of the messages, and a video of each camera
            line.wait_until(lambda: line.stderr.count(self.SAID) >= recordings, "recordings end")


class Abuse(msgspec.Struct, frozen=True):
    """A client of the published port that does harm, for a while."""

    kind: ClassVar[str] = "abuse"
    needs: ClassVar[tuple[str, ...]] = ()
    how: str  # one of abusers.KINDS
    seconds: float

    def strike(self, line: LineUnderFire) -> None:
        command = [sys.executable, "-W", "ignore", abusers.__file__, self.how, str(line.port)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True) as abuser:
            time.sleep(self.seconds)
            abuser.kill()


class Filler:
    """Takes the room of a file system, all but `left_bytes`, until it is closed."""

    def __init__(self, root: Path, left_bytes: int) -> None:
        self._path = root / "filler"
        self._left_bytes = left_bytes
        self._file = self._path.open("wb", buffering=0)
        self.fill()

    def fill(self) -> bool:
        """Take what is free now; always true, so that it can be part of a condition."""
        block = bytes(64 << 10)
        while (room := self._room()) > 0:
            try:
                self._file.write(block[:room])
            except OSError:  # another process had it first
                break
        return True

    def __enter__(self) -> "Filler":
        return self

    def __exit__(self, *_: object) -> None:
        self._path.unlink()
        self._file.close()

    def _room(self) -> int:
        stat = os.statvfs(self._path)
        return stat.f_bavail * stat.f_frsize - self._left_bytes
