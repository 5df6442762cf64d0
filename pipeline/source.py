"""What a source of frames is to the line: a camera, a file, a folder or a drawn scene."""

import enum
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, runtime_checkable

from pipeline.errors import LineError
from pipeline.memory.counters import DropReason
from pipeline.memory.packet_ring import PacketRing
from pipeline.memory.ring import Area
from pipeline.memory.ring_layout import AreaSpec


class EndOfSource(Exception):
    """The source has no more frames."""


class SourceError(LineError):
    """The source cannot be opened, or delivers nothing; a live source is opened again."""


class SourceStalled(SourceError):
    """The source is connected and delivers nothing new."""


class SourceDenied(SourceError):
    """The source refuses the user name or password."""


class SourceGone(SourceError):
    """The source was there, and nothing can come of it any more: not even a live one is opened."""


class Geometry(NamedTuple):
    """Size of the frames that the source delivers."""

    width: int
    height: int


class GeometryChanged(Exception):
    """The next frames have another size. The source stays open, and delivers the first of them."""

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(f"frames are {geometry.width}x{geometry.height} now")
        self.geometry = geometry


class PtsOrigin(enum.IntEnum):
    """Where the time of a frame comes from."""

    STREAM = 0  # the container, camera or drawn scene
    ARRIVAL = 1  # the clock of this machine when the frame came: a live stream without times
    RATE = 2  # counted, at the rate that a file declares: a file without times

    @property
    def label(self) -> Literal["stream", "arrival", "rate"]:
        """What messages call it."""
        return _LABELS[self]


_LABELS: dict[PtsOrigin, Literal["stream", "arrival", "rate"]] = {
    PtsOrigin.STREAM: "stream", PtsOrigin.ARRIVAL: "arrival", PtsOrigin.RATE: "rate"
}  # fmt: skip


class Captured(NamedTuple):
    """A frame that a source has written into a slot."""

    pts_ns: int
    waited_ns: int = 0  # from its arrival until it could be read: time that its age includes


class Source(Protocol):
    """One camera, file, folder or drawn scene.

    A `lossless` source waits for the line; of another source the line takes the newest frame that
    it can. `silence_s` is how long each step of `open` may take before it raises, and how long a
    live source may give no frame.
    """

    Options: ClassVar[type[Any]]
    lossless: bool
    silence_s: float

    def __init__(self, options: Any, alive: Callable[[], None]) -> None:
        """The source calls `alive` again and again during work that takes long on purpose."""
        ...

    def open(self, first_frame: int) -> Geometry:
        """Connect; a lossless source continues at `first_frame`. Raises SourceError."""
        ...

    def areas(self, geometry: Geometry) -> dict[str, AreaSpec]:
        """The parts of a slot for frames of this size; one is called `frame`."""
        ...

    def read(self, slot: Mapping[str, Area]) -> Captured | None:
        """Write the next frame into the areas of a slot; None if there is none yet.

        It returns every now and then. Where a live source is silent, it raises `SourceStalled` as
        soon as `silence_s` have passed since the last frame, however many reads they took: a limit
        for each read, or each packet, would add up.

        Raises:
            EndOfSource, GeometryChanged, SourceError
        """
        ...

    def take_losses(self) -> Mapping[DropReason, int]:
        """Frames that never reached a slot, by reason, since the last call."""
        ...

    def is_back(self) -> bool:
        """Whether the source could not be reached, and can be now: to open it again may help.

        It is called again and again while the loop waits after a failure, so it answers at once,
        and leaves a source alone that it cannot tell about.
        """
        ...

    def close(self) -> None: ...


@runtime_checkable
class PacketedSource(Protocol):
    """A source that can hand on what it decodes, as it came."""

    packet_bytes: int  # of packets that are kept; 0: nobody wants them

    def keep_packets(self, ring: PacketRing) -> None:
        """Put what is read from now on into this; called once, before `open`."""
        ...
