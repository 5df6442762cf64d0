"""Streams over the network: which client reads which, and with which options."""

from typing import Literal

from pipeline.source import SourceError
from stages.readers.decoding.demuxer import Demuxer, PacketSource
from stages.readers.rtsp.stream import RtspStream, UnsupportedStream

Transport = Literal["tcp", "udp"]
# Raw video does not tell its rate. Guessing it from some seconds would delay all that follows.
STREAM_OPTIONS = {"fpsprobesize": "0", "analyzeduration": "500000"}
_UDP_BUFFER_BYTES = 8 << 20  # a key frame of 4K comes in one burst


def is_rtsp(uri: str) -> bool:
    return uri.lower().startswith(("rtsp:", "rtsps:"))


def network_options(uri: str, transport: Transport) -> dict[str, str]:
    """What libavformat is told."""
    if not is_rtsp(uri):
        return dict(STREAM_OPTIONS) if uri.startswith("tcp:") else {}
    return {
        "rtsp_transport": transport,
        "allowed_media_types": "video",
        "buffer_size": str(_UDP_BUFFER_BYTES),
        # RTP brings the time of each frame. Guessing a rate from twenty of them would cost most of
        # a second each time that a camera is connected again.
        "fpsprobesize": "0",
    }


def connect_stream(uri: str, transport: Transport, silence_s: float) -> PacketSource:
    """Open a live stream. Raises SourceError.

    H.264 and H.265 over RTSP are read by a client of our own, without the picture of delay that
    libavformat's has; everything else by libavformat.
    """
    if is_rtsp(uri):
        stream = RtspStream(uri, transport=transport, silence_s=silence_s)
        try:
            stream.open()
            return stream
        except UnsupportedStream:
            stream.close()
        except SourceError:
            stream.close()
            raise
    options = network_options(uri, transport)
    return Demuxer(uri, name=uri, options=options, silence_s=silence_s)
