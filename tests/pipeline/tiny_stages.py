"""Sources and stages with simple behaviour, which tests run in real processes."""

import os
import time
from collections.abc import Callable, Mapping
from typing import ClassVar

import msgspec

from pipeline.errors import FrameError, LineError
from pipeline.loops.backoff import Retry
from pipeline.memory.counters import DropReason
from pipeline.memory.ring import Area
from pipeline.memory.ring_layout import AreaSpec
from pipeline.source import Captured, EndOfSource, Geometry, SourceError
from pipeline.stage import BasicStage, Context, Frame, Options


class CameraOptions(msgspec.Struct, frozen=True):
    slots: int = 4
    retry: Retry = Retry()
    broken: bool = False


class Endless:
    """A lossless source of small frames; frame `i` is filled with `i`."""

    Options: ClassVar[type[CameraOptions]] = CameraOptions
    lossless = True
    silence_s = 1.0
    frames = 10**9

    def __init__(self, options: CameraOptions, alive: Callable[[], None]) -> None:
        self._next = 0
        self._broken = options.broken

    def open(self, first_frame: int) -> Geometry:
        self._next = first_frame
        return Geometry(8, 4)

    def areas(self, geometry: Geometry) -> dict[str, AreaSpec]:
        return {"frame": AreaSpec((geometry.height, geometry.width), "i8")}

    def read(self, slot: Mapping[str, Area]) -> Captured | None:
        if self._broken:
            raise RuntimeError("a defect")
        if self._next >= self.frames:
            raise EndOfSource
        time.sleep(0.002)
        slot["frame"][:] = self._next
        self._next += 1
        return Captured(self._next)

    def take_losses(self) -> Mapping[DropReason, int]:
        return {}

    def is_back(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing is open."""


class Short(Endless):
    """Twenty frames."""

    frames = 20


class Unreadable(Endless):
    def open(self, first_frame: int) -> Geometry:
        raise SourceError("no such thing")


class Blocking(Endless):
    """A camera whose every connection delivers five frames, and then never returns."""

    lossless = False

    def open(self, first_frame: int) -> Geometry:
        self._left = 5
        return super().open(first_frame)

    def read(self, slot: Mapping[str, Area]) -> Captured | None:
        self._left -= 1
        while self._left < 0:
            time.sleep(3600)
        return super().read(slot)


class Quiet(Endless):
    """Works, and delivers no frame."""

    def read(self, slot: Mapping[str, Area]) -> Captured | None:
        time.sleep(0.05)
        return None


class Idle(BasicStage[None, None]):
    """Checks that the pixels of each frame belong to it."""

    def __init__(self, options: Options, context: Context) -> None:
        """Nothing to set up."""

    def process(self, frame: Frame[None]) -> None:
        assert (frame["frame"] == frame.ref.frame_id).all()


class Failing(Idle):
    """Cannot process each fifth frame."""

    def process(self, frame: Frame[None]) -> None:
        if frame.ref.frame_id % 5 == 0:
            raise FrameError("a fifth frame")
        super().process(frame)


class Looping(Idle):
    """Never finishes frame 7."""

    def process(self, frame: Frame[None]) -> None:
        while frame.ref.frame_id == 7:
            pass
        super().process(frame)


class Poisoned(Idle):
    """Dies of frame 7."""

    def process(self, frame: Frame[None]) -> None:
        if frame.ref.frame_id == 7:
            os.abort()
        super().process(frame)


class Leaking(Idle):
    """Holds more memory with each frame."""

    def __init__(self, options: Options, context: Context) -> None:
        self._held: list[bytes] = []

    def process(self, frame: Frame[None]) -> None:
        self._held.append(b"x" * (1 << 20))
        super().process(frame)


class Refusing(Idle):
    def __init__(self, options: Options, context: Context) -> None:
        raise LineError("not on this machine")


class Unready(Idle):
    """Never finishes its set-up."""

    def __init__(self, options: Options, context: Context) -> None:
        time.sleep(3600)


class Crashing(Idle):
    def __init__(self, options: Options, context: Context) -> None:
        raise RuntimeError("a defect")


class TunedOptions(msgspec.Struct, frozen=True):
    path: str
    word: str


class Tuned(Idle):
    """Appends the word that it works with to a file, and its process id."""

    Options = TunedOptions

    def __init__(self, options: TunedOptions, context: Context) -> None:
        self._note(options)

    def reconfigure(self, options: TunedOptions) -> None:
        self._note(options)

    def _note(self, options: TunedOptions) -> None:
        with open(options.path, "a") as file:
            file.write(f"{options.word} {os.getpid()}\n")


class Unable(Tuned):
    """Cannot take other options while it runs."""

    def reconfigure(self, options: TunedOptions) -> None:
        raise LineError("no room")
