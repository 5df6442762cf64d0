"""What a camera looks like to the line, whatever it is made of."""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, Protocol

from pipeline.errors import LineError
from pipeline.memory.ring import Area, AreaSpec


class EndOfSource(Exception):
    """The source has no more frames."""


class GeometryChanged(Exception):
    """Frames have another size from here on."""


class SourceError(LineError):
    """The source cannot be opened, or delivers nothing; a live one is tried again."""


class SourceStalled(SourceError):
    """The source is there and delivers nothing new."""


class SourceDenied(SourceError):
    """The source wants another user name or password."""


class Geometry(NamedTuple):
    """Size of the frames that the source delivers."""

    width: int
    height: int


class Source(Protocol):
    """One camera, file, folder or drawn scene.

    `lossless` sources wait for the line; of the others the line takes the newest frame it can.
    `silence_s` is how long `read` may take, and each step of `open`, before they raise.
    """

    Options: ClassVar[type[Any]]
    lossless: bool
    silence_s: float

    def __init__(self, options: Any, alive: Callable[[], None]) -> None:
        """`alive` is to be called by whatever takes long on purpose."""
        ...

    def open(self, first_frame: int) -> Geometry:
        """Connect; a lossless source goes on at `first_frame`. Raises SourceError."""
        ...

    def areas(self, geometry: Geometry) -> dict[str, AreaSpec]:
        """The parts of a slot for frames of this size; one is called `frame`."""
        ...

    def read(self, frame: Area) -> int | None:
        """Fill the view with the next frame and return its `pts_ns`, or None for none so far.

        Raises:
            EndOfSource, GeometryChanged, SourceError
        """
        ...

    def close(self) -> None: ...
