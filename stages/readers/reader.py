"""What every kind of source can do for the capture stage."""

from collections.abc import Mapping
from typing import Protocol

from pipeline.memory.counters import DropReason
from pipeline.source import Captured, PtsOrigin
from stages.kernels.picture import Picture, PictureFormat


class FormatChanged(Exception):
    """The next frames have another format. The reader stays open, and reads the first of them."""

    def __init__(self, form: PictureFormat) -> None:
        super().__init__(f"frames are {form.width}x{form.height} now")
        self.form = form


class Reader(Protocol):
    """Delivers the frames of one source, each into a picture that the caller owns."""

    @property
    def pts_origin(self) -> PtsOrigin:
        """Where the times of an open source come from."""
        ...

    def open(self, first_frame: int) -> PictureFormat:
        """Begin; a source that can be read again begins at `first_frame`. Raises SourceError."""
        ...

    def read(self, picture: Picture) -> Captured | None:
        """Fill `picture`; None if there is no frame yet.

        Raises:
            EndOfSource, FormatChanged, SourceError
        """
        ...

    def take_losses(self) -> Mapping[DropReason, int]:
        """Frames that were given up since the last call, by reason."""
        ...

    def close(self) -> None: ...


class ImageReader:
    """What readers have in common that make whole images and lose none."""

    pts_origin = PtsOrigin.STREAM

    def take_losses(self) -> Mapping[DropReason, int]:
        return {}
