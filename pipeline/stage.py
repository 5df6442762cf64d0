"""What a stage is: one process that takes frames and adds to what is known of them.

A stage reads and writes areas of the frame's slot in shared memory, and returns a body, which
travels on to the stages that read from it. It declares the kind of body that it consumes and the
kind that it produces:

    class Postprocess(BasicStage[None, Detected]):
        consumes, produces = NoneType, Detected

After a process was killed, frames that were under way are sent again, so a stage may get a frame
that it has finished already. The loop takes care of that (`pipeline.loops.frame_handler`):

* a `BasicStage` processes the frame again. It depends on this frame alone, so nothing differs.
* a `StatefulStage` depends on the frames before, or has an effect outside the line: it sends,
  records, or counts. Its `process` gets each frame once.

A stage that finds that nothing happens in a frame raises `FrameIdle`. The frame goes on in its
place, and the stages after this one get it in `pass_idle`.
"""

from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path
from types import NoneType
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import msgspec

from pipeline.memory.counters import FrameCounters
from pipeline.memory.frame_ref import NO_FRAME, FrameRef
from pipeline.memory.heartbeat import Heartbeat
from pipeline.memory.ledger import Ledger
from pipeline.memory.ring import Area, Ring
from pipeline.memory.roster import Roster
from pipeline.topology import ProcessSpec, RunSpec

In = TypeVar("In")
Out = TypeVar("Out")
BodyT_co = TypeVar("BodyT_co", covariant=True)
In_contra = TypeVar("In_contra", contravariant=True)
Out_co = TypeVar("Out_co", covariant=True)


class FrameIdle(Exception):
    """Nothing happens in a frame: no stage after this one needs to look at it."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the configuration says to one stage; each stage declares its own fields."""


class Frame(Generic[BodyT_co]):
    """A frame as a stage sees it: the areas of its slot, and the body from the stage before.

    `failure` says which stage could not process the frame, and why; it is empty if none failed.
    """

    def __init__(
        self, ref: FrameRef, ring: Ring, body: BodyT_co, camera: str, failure: str = ""
    ) -> None:
        self.ref = ref
        self.camera = camera
        self.failure = failure
        self._body = body
        self._ring = ring
        self._slot = ring.slots[ref.slot]

    def __getitem__(self, area: str) -> Area:
        return self._slot[area]

    @property
    def body(self) -> BodyT_co:
        return self._body

    def is_finished(self, column: int, last_frame_id: int) -> bool:
        """Whether the stage of a column has finished it; see `pipeline.memory.ring`."""
        return self._ring.is_finished(self.ref.slot, column, self.ref.frame_id, last_frame_id)

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


class Context(msgspec.Struct, frozen=True, dict=True):
    """The run that a process is part of, which process it is, and its own rows of the ledger."""

    run: RunSpec
    process: ProcessSpec
    ledger: Ledger

    @property
    def run_dir(self) -> Path:
        return Path(self.run.run_dir)

    @cached_property
    def heartbeat(self) -> Heartbeat:
        return self.ledger.heartbeat(self.process.index, self.run.limits.frame_s)

    @cached_property
    def cameras(self) -> Roster:
        """The cameras now; `run` has those of the process's start."""
        return Roster(self.run)

    @cached_property
    def counters(self) -> tuple[FrameCounters, ...]:
        """One row for each camera that the run may come to have."""
        cameras = range(self.ledger.camera_count)
        return tuple(self.ledger.counters(camera, self.process.index) for camera in cameras)


class Stage(Protocol[In_contra, Out_co]):
    """The shell around a kernel. `__init__` allocates memory; nothing after it should."""

    Options: ClassVar[type[Any]]
    consumes: ClassVar[type[Any]]  # bodies of its frames; another kind is refused when it arrives
    produces: ClassVar[type[Any]]  # what `process` returns

    def __init__(self, options: Any, context: Context) -> None: ...

    def process(self, frame: Frame[In_contra]) -> Out_co:
        """Work on one frame in place; the result travels on with it.

        Raises:
            FrameError: this frame cannot be processed. It travels on, marked as failed.
            FrameIdle: the stages after this one need not look at it. It travels on, marked so.
        """
        ...

    def pass_failed(self, frame: Frame[In_contra | None]) -> Out_co | None:
        """Take note of a frame that a stage before this one could not process."""
        ...

    def pass_idle(self, frame: Frame[In_contra | None]) -> Out_co | None:
        """Take note of a frame that a stage before this one found idle."""
        ...

    def idle(self) -> None:
        """Called about twenty times a second, whether frames come or not."""
        ...

    def reconfigure(self, options: Any) -> None:
        """Work with these options from the next frame on; called between two frames.

        Only those that the row of the table calls hot differ from the ones before. They have been
        checked, so nothing may be raised: a stage that does is started again, with the new ones.
        """
        ...

    def add_camera(self, camera: int) -> None:
        """A camera has come, or come back; those of the start are in `context.cameras`.

        Called between two frames, after `reconfigure` with what the configuration says of it.
        """
        ...

    def end_camera(self, camera: int) -> None:
        """No more frames of this camera come: end what goes on from frame to frame.

        Called between two frames, and again at the start of a process that follows a dead one. Once
        all processes have done so, `forget_camera` is called.
        """
        ...

    def forget_camera(self, camera: int) -> None:
        """The camera is gone: keep nothing of it. Called as often as `end_camera`."""
        ...

    def close(self) -> None:
        """The line ends: flush and close what is open."""
        ...


class BasicStage(Generic[In, Out]):
    """A stage that depends on the frame alone, with defaults for all but `process`."""

    Options: ClassVar[type[Any]] = Options
    consumes: ClassVar[type[Any]] = NoneType
    produces: ClassVar[type[Any]] = NoneType

    def pass_failed(self, frame: Frame[In | None]) -> Out | None:
        """By default nothing travels on but the reason of the failure."""
        return None

    def pass_idle(self, frame: Frame[In | None]) -> Out | None:
        """By default the frame travels on as it is."""
        return None

    def idle(self) -> None:
        """By default there is nothing to do between frames."""

    def reconfigure(self, options: Any) -> None:
        """By default no option is hot, and nothing calls this."""
        raise NotImplementedError(f"{type(self).__name__} has hot options, and no reconfigure")

    def add_camera(self, camera: int) -> None:
        """By default nothing is known of single cameras."""

    def end_camera(self, camera: int) -> None:
        """By default nothing goes on from frame to frame."""

    def forget_camera(self, camera: int) -> None:
        """By default nothing is known of single cameras."""

    def close(self) -> None:
        """By default there is nothing to flush."""


class StatefulStage(BasicStage[In, Out], ABC):
    """A stage whose `process`, `pass_failed` and `pass_idle` get each frame once.

    A frame that comes again gives the result that it gave before: the loop remembers the newest
    results. Where the process that finished the frame has died since, `recall` makes the result.
    """

    @abstractmethod
    def recall(self, frame: Frame[In | None]) -> Out | None:
        """The result for a frame that a predecessor has finished, without any effect."""

    def last_in_output(self, camera: int) -> int:
        """The newest frame of a camera whose effect a predecessor has left behind.

        Asked once, before the first frame that this process gets. A process may be killed after it
        has written a frame and before the ledger says so; a stage that finds this out from its own
        output says it here.
        """
        return NO_FRAME
