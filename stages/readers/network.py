"""Streams over the network: which client reads which, and with which options."""

from typing import Literal

from pipeline.logger import logger
from pipeline.redact import redact
from pipeline.source import SourceError
from stages.readers.decoding.demuxer import Demuxer, PacketSource
from stages.readers.http.connecting import connect_http
from stages.readers.http.seen_pictures import SeenPictures
from stages.readers.rtsp.stream import RtspStream, UnsupportedStream

Transport = Literal["tcp", "udp"]
# Guessing the rate from twenty pictures would delay all that follows, by twenty seconds at 1 fps;
# nothing is lost, since what a decoder must know comes with the pictures.
STREAM_OPTIONS = {"fpsprobesize": "0", "analyzeduration": "500000"}
_UDP_BUFFER_BYTES = 8 << 20  # a key frame of 4K comes in one burst


def is_rtsp(uri: str) -> bool:
    return uri.lower().startswith(("rtsp:", "rtsps:"))


def file_options(uri: str, transport: Transport) -> dict[str, str]:
    """What libavformat is told of a stream of which every picture counts."""
    is_file = uri.lower().startswith(("http:", "https:"))  # it can tell its rate at once
    return {} if is_file else network_options(uri, transport)


def network_options(uri: str, transport: Transport) -> dict[str, str]:
    """What libavformat is told of a live stream."""
    if not is_rtsp(uri):
        return dict(STREAM_OPTIONS)
    return {
        "rtsp_transport": transport,
        "allowed_media_types": "video",
        "buffer_size": str(_UDP_BUFFER_BYTES),
        # RTP brings the time of each frame. Guessing a rate from twenty of them would cost most of
        # a second each time that a camera is connected again.
        "fpsprobesize": "0",
    }


def connect_stream(
    uri: str, transport: Transport, silence_s: float, seen: SeenPictures, *,
    with_sound: bool = False,
) -> PacketSource:  # fmt: skip
    """Open a live stream; `seen` is kept from one connection to the next. Raises SourceError.

    H.264 and H.265 over RTSP are read by a client of our own, without the picture of delay that
    libavformat's has, and Motion JPEG over HTTP by a splitter of our own; everything else by
    libavformat.
    """
    if is_rtsp(uri):
        stream = RtspStream(uri, transport=transport, silence_s=silence_s, with_sound=with_sound)
        try:
            stream.open()
            return stream
        except UnsupportedStream:
            stream.close()
        except SourceError:
            stream.close()
            raise
    if uri.lower().startswith(("http:", "https:")):
        source = connect_http(uri, options=STREAM_OPTIONS, silence_s=silence_s, seen=seen,
                              with_sound=with_sound)  # fmt: skip
        if source.is_finite:
            logger.info("{}: this has an end: `live: false` would give each frame", redact(uri))
        return source
    options = network_options(uri, transport)
    return Demuxer(uri, name=uri, options=options, silence_s=silence_s, with_sound=with_sound)
