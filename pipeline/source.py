"""What a camera looks like to the line, whatever it is made of."""

from typing import Any, ClassVar, NamedTuple, Protocol

from pipeline.errors import LineError
from pipeline.ring import Area, AreaSpec


class EndOfSource(Exception):
    """The source has no more frames."""


class GeometryChanged(Exception):
    """Frames have another size from here on."""


class SourceError(LineError):
    """The source cannot be opened, or delivers nothing; a live one is tried again."""


class Geometry(NamedTuple):
    """Size of the frames that the source delivers."""

    width: int
    height: int


class Source(Protocol):
    """One camera, file, folder or drawn scene.

    `lossless` sources wait for the line; of the others the line takes the newest frame it can.
    """

    Options: ClassVar[type[Any]]
    lossless: bool

    def __init__(self, options: Any) -> None: ...

    def open(self, first_frame: int) -> Geometry:
        """Connect; a lossless source goes on at `first_frame`. Raises SourceError."""
        ...

    def areas(self, geometry: Geometry) -> dict[str, AreaSpec]:
        """The parts of a slot for frames of this size; one is called `frame`."""
        ...

    def read(self, frame: Area) -> int:
        """Fill the view with the next frame and return its `pts_ns`, blocking until it is there.

        Raises:
            EndOfSource, GeometryChanged, SourceError
        """
        ...

    def close(self) -> None: ...
