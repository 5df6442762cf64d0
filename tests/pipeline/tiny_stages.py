"""Sources and stages that are easy to foresee, run in real processes by the tests."""

import time
from typing import ClassVar

import msgspec

from pipeline.errors import FrameError, LineError
from pipeline.ring import Area, AreaSpec
from pipeline.source import EndOfSource, Geometry, SourceError
from pipeline.stage import BasicStage, Context, Frame, Options


class CameraOptions(msgspec.Struct, frozen=True):
    slots: int = 4


class Endless:
    """A lossless source of small frames; frame `i` is filled with `i`."""

    Options: ClassVar[type[CameraOptions]] = CameraOptions
    lossless = True
    frames = 10**9

    def __init__(self, options: CameraOptions) -> None:
        self._next = 0

    def open(self, first_frame: int) -> Geometry:
        self._next = first_frame
        return Geometry(8, 4)

    def areas(self, geometry: Geometry) -> dict[str, AreaSpec]:
        return {"frame": AreaSpec((geometry.height, geometry.width), "i8")}

    def read(self, frame: Area) -> int:
        if self._next >= self.frames:
            raise EndOfSource
        time.sleep(0.002)
        frame[:] = self._next
        self._next += 1
        return self._next

    def close(self) -> None:
        """Nothing is open."""


class Short(Endless):
    """Twenty frames."""

    frames = 20


class Unreadable(Endless):
    def open(self, first_frame: int) -> Geometry:
        raise SourceError("no such thing")


class Idle(BasicStage):
    """Looks at every frame, and is content when its content belongs to it."""

    def __init__(self, options: Options, context: Context) -> None:
        """Nothing to set up."""

    def process(self, frame: Frame) -> bytes:
        assert (frame["frame"] == frame.ref.frame_id).all()
        return b""


class Failing(Idle):
    """Cannot process each fifth frame."""

    def process(self, frame: Frame) -> bytes:
        if frame.ref.frame_id % 5 == 0:
            raise FrameError("a fifth frame")
        return super().process(frame)


class Refusing(Idle):
    def __init__(self, options: Options, context: Context) -> None:
        raise LineError("not on this machine")


class Crashing(Idle):
    def __init__(self, options: Options, context: Context) -> None:
        raise RuntimeError("a defect")
