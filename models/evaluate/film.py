"""The frames of a film as a line sees them: the same decoders, track, colours, field and shape.

OpenCV reads films, too, but maps the colours of BT.2020 to others, and leaves both fields and the
shape of pixels as they are.
"""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from models.data.image_files import BgrImage
from models.data.report import DataError
from stages.kernels.colour import to_bgr
from stages.kernels.picture import Picture
from stages.readers.decoding.frame_format import Described, FrameFormatter
from stages.readers.decoding.tracks import find_film

_MOST_ERRORS = 100  # in a row, before the rest of a film is given up


def check_film(path: Path) -> None:
    """Raises DataError where there is no film, or one without a frame."""
    if not path.is_file():
        raise DataError(f"{path}: expected a film, found no such file")
    if next(read_film(path), None) is None:
        raise DataError(f"{path}: expected a film with at least one frame, found none")


def read_film(path: Path) -> Iterator[BgrImage]:
    """The frames in their order, upright and with square pixels; none of what is no film.

    Damage costs the frames that it hits.
    """
    try:
        container = av.open(f"file:{path}")
    except (av.error.FFmpegError, OSError, ValueError):  # the last: a name that nothing may have
        return
    with container:
        track = find_film(container)
        if track is None:
            return
        sar = track.sample_aspect_ratio or Fraction(0)
        formatter = FrameFormatter()
        for packet in _read_packets(container, track):
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                continue
            for frame in frames:
                if not frame.is_corrupt:
                    yield _show(formatter, formatter.describe(frame, sar))


def _read_packets(container: InputContainer, track: VideoStream) -> Iterator["Packet[VideoStream]"]:
    """All of the track, and at last the empty one that has the decoder give out what it holds."""
    errors = 0
    while errors <= _MOST_ERRORS:
        try:
            for packet in container.demux(track):
                yield packet
                errors = 0
            return
        except av.error.InvalidDataError:
            errors += 1
        except av.error.FFmpegError:
            return


def _show(formatter: FrameFormatter, described: Described) -> BgrImage:
    form = described.form
    picture = Picture(form, np.empty(form.nbytes, np.uint8))
    formatter.write(described, picture)
    width, height = form.display_wh
    image = np.empty((height, width, 3), np.uint8)
    to_bgr(picture, image)
    return image
