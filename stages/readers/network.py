"""Streams over the network: which client reads which, and with which options."""

from typing import Literal

from stages.readers.demuxer import Demuxer, PacketSource

Transport = Literal["tcp", "udp"]
_UDP_BUFFER_BYTES = 8 << 20  # a key frame of 4K comes in one burst


def is_rtsp(uri: str) -> bool:
    return uri.lower().startswith(("rtsp:", "rtsps:"))


def network_options(uri: str, transport: Transport) -> dict[str, str]:
    """What libavformat is told."""
    if not is_rtsp(uri):
        return {}
    return {
        "rtsp_transport": transport,
        "allowed_media_types": "video",
        "buffer_size": str(_UDP_BUFFER_BYTES),
        # RTP brings the time of each frame. Guessing a rate from twenty of them would cost most of
        # a second each time that a camera is connected again.
        "fpsprobesize": "0",
    }


def connect_stream(uri: str, transport: Transport, silence_s: float) -> PacketSource:
    """Open a live stream. Raises SourceError."""
    options = network_options(uri, transport)
    return Demuxer(uri, name=uri, options=options, silence_s=silence_s)
