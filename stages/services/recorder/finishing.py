"""What is done with a film that is complete: an index in front, and a thumbnail beside it.

A process that is killed before that leaves the fragments, which play as well; its successor does
it again.
"""

import contextlib
import errno
import os
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np

from stages.kernels.jpeg import encode_jpeg
from stages.services.archive.layout import DRAFT, THUMBNAIL
from stages.services.archive.sidecar import write_whole

_THUMBNAIL_WIDTH = 640
_MOST_DECODED = 600  # pictures, for one thumbnail


def move_index_to_front(path: Path) -> None:
    """Write the same packets anew with the index before them, and replace the file in one step.

    Raises:
        OSError: there is no room for both, or the file holds no film; it is as it was.
    """
    draft = path.with_name(f"{DRAFT}{path.name}")
    try:
        count, size = _remux(path, draft)
        check_whole(draft, count, size)
        os.replace(draft, path)
    except (av.error.FFmpegError, IndexError) as error:
        raise OSError(errno.EIO, f"cannot be read as a film ({error})", str(path)) from None
    finally:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()


def check_whole(path: Path, packets: int, size: int) -> None:
    """Whether a film has so many packets of so many bytes: FFmpeg does not tell of a full disk.

    Raises:
        OSError: it has not, as there is no room.
        FFmpegError: it has no index.
    """
    with av.open(str(path)) as written:
        found = sum(stream.frames for stream in written.streams)
    if found != packets or path.stat().st_size <= size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def _remux(path: Path, draft: Path) -> tuple[int, int]:
    """How many packets and bytes of them. Raises FFmpegError, OSError."""
    count = size = 0
    options = {"movflags": "+faststart"}
    with (
        av.open(str(path)) as source,
        av.open(str(draft), "w", format="mp4", container_options=options) as target,
    ):
        _ = source.streams.video[0]  # raises IndexError
        copies = {stream.index: copy_stream(target, stream) for stream in source.streams}
        for packet in source.demux():
            if packet.size:
                count += 1
                size += packet.size
                packet.stream = copies[packet.stream_index]
                target.mux_one(packet)
    return count, size


def copy_stream(target: "av.container.OutputContainer", stream: Any) -> Any:
    """A stream of the same kind in another film."""
    copy = target.add_stream_from_template(stream, opaque=True)
    copy.codec_context.codec_tag = stream.codec_context.codec_tag
    return copy


def write_thumbnail(path: Path, at_s: float) -> None:
    """Write the picture that a film shows at a time as a JPEG beside it.

    Raises:
        OSError: the file cannot be written, or the film has no such picture.
    """
    try:
        with av.open(str(path)) as film:
            image = _picture_at(film, at_s)
    except (av.error.FFmpegError, IndexError) as error:
        raise OSError(errno.EIO, f"cannot be decoded ({error})", str(path)) from None
    if image is not None:
        width = min(image.width, _THUMBNAIL_WIDTH)
        height = max(round(image.height * width / image.width), 1)
        pixels = image.to_ndarray(format="bgr24", width=width, height=height)
        write_whole(path.with_suffix(THUMBNAIL), encode_jpeg(pixels.astype(np.uint8, copy=False)))


def _picture_at(film: av.container.InputContainer, at_s: float) -> av.VideoFrame | None:
    stream = film.streams.video[0]
    stream.codec_context.thread_count = 1
    film.seek(max(round(at_s / (stream.time_base or 1)), 0), stream=stream)
    found = None
    for number, frame in enumerate(film.decode(stream)):
        found = frame
        if number >= _MOST_DECODED or (frame.time is not None and frame.time >= at_s - 0.001):
            break
    return found
