"""What every kind of source can do for the capture stage."""

from typing import Protocol

from pipeline.source import Geometry
from stages.kernels.pixels import Pixels


class Reader(Protocol):
    """Delivers the frames of one source, each into a view that the caller owns."""

    def open(self, first_frame: int) -> Geometry:
        """Begin; a source that can be read again begins at `first_frame`. Raises SourceError."""
        ...

    def read(self, frame: Pixels) -> int:
        """Fill `frame` and return its `pts_ns`.

        Raises:
            EndOfSource, GeometryChanged, SourceError
        """
        ...

    def close(self) -> None: ...
