"""What the capture stage asks of a kind of source."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from pipeline.source import Geometry

Picture = npt.NDArray[np.uint8]


class Reader(Protocol):
    """Delivers the frames of one source, each into a view that the caller owns."""

    def open(self, first_frame: int) -> Geometry:
        """Begin, at `first_frame` where the source can be read again. Raises SourceError."""
        ...

    def read(self, frame: Picture) -> int:
        """Fill `frame` and return its `pts_ns`.

        Raises:
            EndOfSource, GeometryChanged, SourceError
        """
        ...

    def close(self) -> None: ...
