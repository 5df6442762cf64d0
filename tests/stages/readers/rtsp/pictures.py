"""Coded pictures for tests, and how a camera puts them into RTP packets."""

import re
from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext

_QUICK = {"preset": "ultrafast", "tune": "zerolatency"}
ENCODERS = {
    "h264": ("libx264", _QUICK),
    "hevc": ("libx265", {**_QUICK, "x265-params": "log-level=none"}),
}
FPS = 25
TICKS = 90_000 // FPS  # of RTP between two frames
SSRC = 0x1234ABCD
PAYLOAD_TYPE = 96

Picture = list[bytes]  # its NAL units, without start codes


def encode(
    codec: str, count: int, size: tuple[int, int] = (160, 120), **options: str
) -> list[Picture]:
    """Grey pictures, each a little brighter than the last: the mean tells which one it is."""
    name, settings = ENCODERS[codec]
    encoder = av.CodecContext.create(name, "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height = size
    encoder.pix_fmt = "yuv420p"
    encoder.time_base = Fraction(1, FPS)
    encoder.gop_size = 10
    encoder.thread_count = 1  # x264 cuts a picture into as many slices as it has threads
    encoder.options = {**settings, **options}
    packets = []
    for index in range(count):
        planes = np.full((size[1] * 3 // 2, size[0]), 128, np.uint8)
        planes[: size[1]] = brightness(index)
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts = index
        packets += encoder.encode(frame)
    return [split_nals(bytes(packet)) for packet in [*packets, *encoder.encode(None)]]


def brightness(index: int) -> int:
    return 40 + 4 * (index % 40)


def split_nals(annex_b: bytes) -> Picture:
    parts = re.split(rb"\x00\x00\x00?\x01", annex_b)
    return [part for part in parts if part]


def payloads_h264(picture: Picture, mtu: int = 200) -> list[bytes]:
    """Whole units where they fit, else fragments (FU-A)."""
    payloads = []
    for nal in picture:
        if len(nal) <= mtu:
            payloads.append(nal)
            continue
        parts = [nal[at : at + mtu - 2] for at in range(1, len(nal), mtu - 2)]
        for index, part in enumerate(parts):
            place = 0x80 * (index == 0) | 0x40 * (index == len(parts) - 1)
            payloads.append(bytes((nal[0] & 0xE0 | 28, place | nal[0] & 31)) + part)
    return payloads


def payloads_h265(picture: Picture, mtu: int = 200) -> list[bytes]:
    """Whole units where they fit, else fragments (FU)."""
    payloads = []
    for nal in picture:
        if len(nal) <= mtu:
            payloads.append(nal)
            continue
        parts = [nal[at : at + mtu - 3] for at in range(2, len(nal), mtu - 3)]
        for index, part in enumerate(parts):
            place = 0x80 * (index == 0) | 0x40 * (index == len(parts) - 1)
            head = bytes((nal[0] & 0x81 | 49 << 1, nal[1], place | nal[0] >> 1 & 63))
            payloads.append(head + part)
    return payloads


PAYLOADS = {"h264": payloads_h264, "hevc": payloads_h265}


def rtp(
    payload: bytes,
    sequence: int,
    timestamp: int,
    *,
    marker: bool = False,
    ssrc: int = SSRC,
    payload_type: int = PAYLOAD_TYPE,
) -> bytes:
    second = payload_type | marker << 7
    head = bytes((0x80, second)) + (sequence & 0xFFFF).to_bytes(2)
    return head + (timestamp & 0xFFFFFFFF).to_bytes(4) + ssrc.to_bytes(4) + payload


def packets(
    pictures: list[Picture],
    codec: str = "h264",
    *,
    sequence: int = 65_500,
    timestamp: int = 0xFFFF_0000,
    marker: str = "last",
    mtu: int = 200,
) -> Iterator[bytes]:
    """The RTP packets of a camera; sequence number and timestamp begin shortly before their end.

    `marker` says where it is set: "last" of each picture, "never", or on "each" unit.
    """
    for index, picture in enumerate(pictures):
        payloads = PAYLOADS[codec](picture, mtu)
        for place, payload in enumerate(payloads):
            last = place == len(payloads) - 1
            marked = {"last": last, "never": False, "each": _ends_unit(payload, codec)}[marker]
            yield rtp(payload, sequence, timestamp + index * TICKS, marker=marked)
            sequence += 1


def _ends_unit(payload: bytes, codec: str) -> bool:
    if codec == "h264":
        return payload[0] & 31 != 28 or payload[1] & 0x40 != 0
    return payload[0] >> 1 & 63 != 49 or payload[2] & 0x40 != 0
