"""Which track of a container is its film."""

from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

NO_FILM = (
    Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
    | Disposition.dependent
)  # fmt: skip


def find_film(container: InputContainer) -> VideoStream | None:
    """The track that players show: not cover art, the default one, the largest.

    None where no track of video can be decoded.
    """
    tracks = [
        stream
        for stream in container.streams.video
        if stream.codec_context is not None and not stream.disposition & NO_FILM
    ]
    return max(tracks, key=_rank, default=None)


def _rank(stream: VideoStream) -> tuple[bool, int, int]:
    area = stream.codec_context.width * stream.codec_context.height
    return bool(stream.disposition & Disposition.default), area, -stream.index
