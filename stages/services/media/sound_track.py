"""The boxes of a track of AAC in a fragmented MP4 (ISO/IEC 14496-12, -14)."""

import struct

from pipeline.service import Track
from stages.services.media.boxes import box, find_boxes, full_box

NUMBER = 2  # of the track: pictures have 1
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_MPEG4_AUDIO, _AUDIO_STREAM = 0x40, 0x15  # ISO/IEC 14496-1, tables 5 and 6


def add_sound_track(head: bytes, track: Track) -> bytes:
    """`ftyp` and `moov` of a film of pictures, with a track of sound besides."""
    parts = []
    for kind, begin, end in find_boxes(head):
        content = head[begin:end]
        parts.append(box(kind, _with_sound(content, track) if kind == "moov" else content))
    return b"".join(parts)


def _with_sound(moov: bytes, track: Track) -> bytes:
    parts = []
    for kind, begin, end in find_boxes(moov):
        content = moov[begin:end]
        if kind == "mvhd":
            content = content[:-4] + struct.pack(">I", NUMBER + 1)  # the next number
        elif kind == "mvex":
            content += full_box("trex", 0, 0, struct.pack(">5I", NUMBER, 1, 0, 0, 0))
            parts.append(_trak(track))
        parts.append(box(kind, content))
    return b"".join(parts)


def _trak(track: Track) -> bytes:
    tkhd = full_box("tkhd", 0, 3, struct.pack(">IIIII8xHHH2x", 0, 0, NUMBER, 0, 0, 0, 1, 0x0100),
                    _MATRIX, bytes(8))  # fmt: skip
    mdhd = full_box("mdhd", 0, 0, struct.pack(">IIIIHH", 0, 0, track.sample_rate, 0, 0x55C4, 0))
    hdlr = full_box("hdlr", 0, 0, struct.pack(">4x4s12xx", b"soun"))
    smhd = full_box("smhd", 0, 0, bytes(4))
    dref = full_box("dref", 0, 0, struct.pack(">I", 1), full_box("url ", 0, 1))
    empty = (full_box(kind, 0, 0, bytes(4)) for kind in ("stts", "stsc", "stco"))
    tables = box("stbl", _sample_description(track), *empty, full_box("stsz", 0, 0, bytes(8)))
    return box("trak", tkhd, box("mdia", mdhd, hdlr, box("minf", smhd, box("dinf", dref), tables)))


def _sample_description(track: Track) -> bytes:
    decoder = _descriptor(
        4,
        struct.pack(">BB3xII", _MPEG4_AUDIO, _AUDIO_STREAM, 0, 0),
        _descriptor(5, track.extradata),
    )
    esds = full_box(
        "esds", 0, 0, _descriptor(3, struct.pack(">HB", 1, 0), decoder, _descriptor(6, b"\x02"))
    )
    rate = min(track.sample_rate, 0xFFFF) << 16  # 16.16; a higher one is in the configuration only
    entry = box("mp4a", struct.pack(">6xH8xHHHHI", 1, track.channels, 16, 0, 0, rate), esds)
    return full_box("stsd", 0, 0, struct.pack(">I", 1), entry)


def _descriptor(tag: int, *parts: bytes) -> bytes:
    """ISO/IEC 14496-1, 8.3.3: the size takes one byte."""
    content = b"".join(parts)
    if len(content) >= 128:
        raise ValueError(f"expected a configuration of sound below 100 bytes, got {len(content)}")
    return bytes((tag, len(content))) + content
