"""What a web server sends, and who reads it."""

from stages.readers.decoding.access_unit import AccessUnit
from stages.readers.decoding.demuxer import Demuxer, PacketSource
from stages.readers.http.byte_stream import ByteStream
from stages.readers.http.motion_jpeg import MotionJpegStream, looks_like_motion_jpeg
from stages.readers.http.seen_pictures import ListDemuxer, SeenPictures

_MP4 = b"ftyp"
_LISTS = (b"#EXTM3U", b"<?xml", b"<MPD", b"ffconcat")  # which name other addresses


def connect_http(
    uri: str, *, options: dict[str, str], silence_s: float, seen: SeenPictures,
    with_sound: bool = False,
) -> PacketSource:  # fmt: skip
    """Open a stream. Files and lists are left to libavformat, which asks for their parts.

    A live stream is asked for once: many cameras serve but one client, and are not free again at
    once.

    Args:
        uri: http:// or https://, with user name and password if need be.
        options: of the demuxer.
        silence_s: how long the server may send nothing, or no picture.
        seen: what earlier connections to this address have read.
        with_sound: whether its sound is read, too.

    Raises:
        SourceDenied, SourceStalled, SourceError
    """
    stream = ByteStream(uri, silence_s=silence_s)
    try:
        begin = stream.peek()
        while (is_pictures := looks_like_motion_jpeg(begin)) is None and not _needs_address(begin):
            longer = stream.peek_more()
            if longer == begin:
                break
            begin = longer
        if is_pictures:
            return MotionJpegStream(stream)
        if stream.length is None and not _needs_address(begin):
            return _StreamDemuxer(stream, options, silence_s, with_sound)
    except BaseException:
        stream.close()
        raise
    stream.close()
    return ListDemuxer(uri, options=options, silence_s=silence_s, seen=seen, with_sound=with_sound)


def _needs_address(begin: bytes) -> bool:
    return begin[4:8] == _MP4 or begin.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(_LISTS)


class _StreamDemuxer(Demuxer):
    """One whose reads end, though libavformat cannot interrupt a read that is not its own."""

    def __init__(
        self, stream: ByteStream, options: dict[str, str], silence_s: float, with_sound: bool
    ) -> None:
        self._bytes = stream
        stream.expect_result()
        super().__init__(
            stream, name=stream.uri, options=options, silence_s=silence_s, with_sound=with_sound
        )

    def read(self) -> AccessUnit | None:
        self._bytes.expect_result()
        return super().read()

    def close(self) -> None:
        super().close()
        self._bytes.close()
