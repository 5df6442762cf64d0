"""What a stage is: one process that turns frames into frames with something more about them."""

from pathlib import Path
from typing import Any, ClassVar, Protocol

import msgspec

from pipeline.memory.frame_ref import FrameRef
from pipeline.memory.ledger import Ledger
from pipeline.memory.ring import Area, Ring
from pipeline.topology import RunSpec


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the configuration says to one stage; each stage declares its own fields."""


class Frame:
    """A frame as a stage sees it: views into the slot, and what the stage before said of it.

    `repeated` tells that this stage has finished the frame before: another stage was killed and
    the frame was sent again.
    """

    def __init__(self, ref: FrameRef, ring: Ring, body: bytes, camera: str, repeated: bool) -> None:
        self.ref = ref
        self.body = body
        self.camera = camera
        self.repeated = repeated
        self._ring = ring
        self._slot = ring.slots[ref.slot]

    def __getitem__(self, area: str) -> Area:
        return self._slot[area]

    @property
    def pts_ns(self) -> int:
        return int(self._ring.times[self.ref.slot, 0])

    @property
    def captured_unix_ns(self) -> int:
        return int(self._ring.times[self.ref.slot, 1])

    def stage_ns(self, now_ns: int, stage: str) -> dict[str, int]:
        """When each stage so far was done, in ns after capture; `stage` is done now."""
        stamps = self._ring.stamps[self.ref.slot].tolist()
        done = {
            name: stamp - self.ref.captured_ns
            for name, stamp in zip(self._ring.layout.columns, stamps, strict=True)
            if stamp >= self.ref.captured_ns  # older stamps are of the slot's last frame
        }
        return done | {stage: now_ns - self.ref.captured_ns}


class Context(msgspec.Struct, frozen=True):
    """What a stage may know of the run it is part of."""

    run: RunSpec
    ledger: Ledger

    @property
    def run_dir(self) -> Path:
        return Path(self.run.run_dir)


class Stage(Protocol):
    """The shell around a kernel. `__init__` allocates; nothing after it should."""

    Options: ClassVar[type[Any]]

    def __init__(self, options: Any, context: Context) -> None: ...

    def process(self, frame: Frame) -> bytes:
        """Work on one frame in place; the result is the body that travels on with it.

        Raises:
            FrameError: this frame cannot be processed; it travels on marked as failed.
        """
        ...

    def pass_failed(self, frame: Frame) -> bytes:
        """A stage before this one has failed on the frame; `frame.body` says why."""
        ...

    def idle(self) -> None:
        """Called some twenty times a second, busy or not."""
        ...

    def close(self) -> None:
        """The line ends: flush and close what is open."""
        ...


class BasicStage:
    """The usual answers, for stages to inherit."""

    Options: ClassVar[type[Any]] = Options

    def pass_failed(self, frame: Frame) -> bytes:
        return frame.body

    def idle(self) -> None:
        """Nothing to do between frames."""

    def close(self) -> None:
        """Nothing to flush."""
