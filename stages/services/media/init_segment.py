"""What a player is told before the first picture: the beginning of a fragmented MP4."""

import io
from fractions import Fraction
from typing import Any, NamedTuple

import av
import av.error
from av.packet import Packet

from pipeline.service import Track
from stages.services.media.boxes import find_boxes, find_sample_entry
from stages.services.media.codec_name import codec_name
from stages.services.media.nal_units import has_sequence, parameter_sets

TICKS = 90_000  # in a second, of the track of pictures
_AV1C_HEAD = 4  # bytes before the sequence header
# FFmpeg's own name says that parameter sets may be among the pictures; Safari plays only the other.
_TAG_TO_REPLACE, _TAG = b"hev1", b"hvc1"

av.logging.set_level(None)


class UnplayableStream(Exception):
    """Nothing can be made for a player of what is known of the stream."""


class InitSegment(NamedTuple):
    """The boxes `ftyp` and `moov`, and what the coding of the pictures is called."""

    data: bytes
    codecs: str

    @property
    def media_type(self) -> str:
        return f'video/mp4; codecs="{self.codecs}"'


def make_init_segment(track: Track) -> InitSegment:
    """Of a track of pictures: h264, hevc or av1. Raises UnplayableStream."""
    try:
        header = _write_header(track)
        at, boxes = find_sample_entry(header)
        codecs = codec_name(boxes)
    except (av.error.FFmpegError, ValueError, LookupError, StopIteration):
        raise UnplayableStream(
            f"{track.codec}: expected parameters of a stream, got {len(track.extradata)} bytes "
            "that are none"
        ) from None
    if header[at : at + 4] == _TAG_TO_REPLACE:
        header = header[:at] + _TAG + header[at + 4 :]
    return InitSegment(header, codecs)


def _write_header(track: Track) -> bytes:
    """FFmpeg's, which makes the decoder's configuration of the parameter sets."""
    file = io.BytesIO()
    options = {"movflags": "frag_custom+empty_moov+default_base_moof", "write_tmcd": "0"}
    with av.open(file, "w", format="mp4", container_options=options) as container:
        time_base = Fraction(1, TICKS)
        stream = container.add_mux_stream(
            track.codec, width=track.width, height=track.height, time_base=time_base
        )
        packet: Packet[Any] = Packet(_first_bytes(track))
        packet.stream, packet.time_base = stream, time_base
        packet.pts = packet.dts = 0
        packet.is_keyframe = True
        container.mux_one(packet)
    written = file.getvalue()
    return b"".join(
        written[begin - 8 : end]
        for kind, begin, end in find_boxes(written)
        if kind in ("ftyp", "moov")
    )


def _first_bytes(track: Track) -> bytes:
    """Parameters as they come before a picture, where FFmpeg looks for them."""
    if track.codec == "av1":
        return track.extradata[_AV1C_HEAD:]
    sets = parameter_sets(track.extradata, track.codec)
    if not has_sequence(sets, track.codec):
        raise ValueError("no SPS")
    return sets
