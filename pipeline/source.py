"""What a source of frames is to the line: a camera, a file, a folder or a drawn scene."""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, Protocol

from pipeline.errors import LineError
from pipeline.memory.ring import Area, AreaSpec


class EndOfSource(Exception):
    """The source has no more frames."""


class GeometryChanged(Exception):
    """The next frames have another size."""


class SourceError(LineError):
    """The source cannot be opened, or delivers nothing; a live source is opened again."""


class SourceStalled(SourceError):
    """The source is connected and delivers nothing new."""


class SourceDenied(SourceError):
    """The source refuses the user name or password."""


class Geometry(NamedTuple):
    """Size of the frames that the source delivers."""

    width: int
    height: int


class Source(Protocol):
    """One camera, file, folder or drawn scene.

    A `lossless` source waits for the line; of another source the line takes the newest frame that
    it can. `silence_s` is how long `read`, and each step of `open`, may take before they raise.
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

    def read(self, frame: Area) -> int | None:
        """Write the next frame into `frame`; returns its `pts_ns`, or None if there is none yet.

        Raises:
            EndOfSource, GeometryChanged, SourceError
        """
        ...

    def close(self) -> None: ...
