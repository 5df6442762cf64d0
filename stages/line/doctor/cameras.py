"""The cameras of a configuration: each is opened for some seconds, as a run would open it."""

import time
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from typing import NamedTuple

from av.video.frame import VideoFrame

from pipeline.redact import redact
from pipeline.source import SourceError
from stages.config import LineConfig, SourceConfig
from stages.line.doctor.camera_clock import ask_clock, describe_clock
from stages.line.doctor.clock import read_own_clock
from stages.line.doctor.finding import Finding, Level
from stages.readers.camera import check_device
from stages.readers.clock_reading import ClockReading, read_report
from stages.readers.decoding.decoder import Decoder
from stages.readers.decoding.demuxer import PacketSource
from stages.readers.http.seen_pictures import SeenPictures
from stages.readers.network import connect_stream
from stages.readers.rtsp.stream import RtspStream
from stages.readers.uri import Address, Kind, parse_address

LOOK_S = 12.0  # at most, for two key frames
_LONG_GAP_S = 5.0  # between key frames
_REPORT_S = 8.0  # by then a camera has reported its clock: every 5 s, and half of that by chance
_ASK_S = 2.0  # for the clock, of a host that may not answer such questions


class Seen(NamedTuple):
    """What one look at a stream has shown; times in seconds."""

    codec: str
    frame: VideoFrame | None  # the first that came out
    sar: Fraction  # sample aspect ratio; 0 where none is given
    first_frame_s: float | None  # since the connection was begun
    fps: float | None
    key_gap_s: float | None  # between two key frames; None where fewer than two came
    looked_s: float
    has_b_frames: bool


def look_at_cameras(config: LineConfig) -> Iterator[Finding]:
    """Of each source: whether it can be reached, what it sends, and what is amiss about it."""
    for name, source in zip(config.camera_names, config.sources, strict=True):
        try:
            address = parse_address(source.uri)
            if address.kind is Kind.STREAM and source.live is not False:
                yield from _look_at_stream(name, address, source)
            else:
                if address.kind is Kind.CAMERA:
                    check_device(address.location)
                yield Finding(name, f"{address.kind} {redact(source.uri)}: is there")
        except SourceError as error:
            advice = "address, password and network are worth a look"
            yield Finding(name, redact(str(error)), Level.PROBLEM, advice)


def _look_at_stream(name: str, address: Address, source: SourceConfig) -> Iterator[Finding]:
    begun_s = time.monotonic()
    with closing(_connect(address, source)) as stream:
        seen = _watch(stream, begun_s)
        yield from describe_stream(name, seen)
        reported = _reported_clock(stream)
        try:
            _connect(address, source).close()
        except SourceError as error:
            yield Finding(name, f"a second connection was refused: {redact(str(error))}",
                          Level.NOTE, "a recorder beside the line gets no picture")  # fmt: skip
    readings = [reported, ask_clock(address.location, _ASK_S)]  # many serve but one client at once
    told = [reading for reading in readings if reading is not None]
    yield describe_clock(name, told, read_own_clock())


def _reported_clock(stream: PacketSource) -> ClockReading | None:
    ahead_s = stream.clock_ahead_s if isinstance(stream, RtspStream) else None
    return None if ahead_s is None else read_report(ahead_s)


def _connect(address: Address, source: SourceConfig) -> PacketSource:
    return connect_stream(address.location, source.rtsp_transport, source.silence_s, SeenPictures())


def _watch(stream: PacketSource, begun_s: float) -> Seen:
    """Read until two key frames have come, and a report of the clock, or it takes too long."""
    decoder = Decoder(stream.decoder)
    frame, first_frame_s, sar = None, None, stream.sar
    pts_s: list[float] = []
    keys_s: list[float] = []
    while (looked_s := time.monotonic() - begun_s) < LOOK_S:
        if len(keys_s) > 1 and (looked_s > _REPORT_S or not _awaits_report(stream)):
            break
        if (unit := stream.read()) is None:
            break
        arrived_s = time.monotonic()
        if unit.packet.is_keyframe:
            keys_s.append(arrived_s)
        if unit.packet.pts is not None and unit.time_base is not None:
            pts_s.append(float(unit.packet.pts * unit.time_base))
        if frame is None and (decoded := decoder.decode(unit)):
            frame, first_frame_s = decoded[0].frame, time.monotonic() - begun_s
            sar = sar or decoded[0].sar
    ordered = sorted(pts_s)
    span_s = ordered[-1] - ordered[0] if ordered else 0.0
    return Seen(
        codec=stream.decoder.name,
        frame=frame,
        sar=sar,
        first_frame_s=first_frame_s,
        fps=(len(ordered) - 1) / span_s if span_s > 0 else None,
        key_gap_s=keys_s[1] - keys_s[0] if len(keys_s) > 1 else None,
        looked_s=time.monotonic() - begun_s,
        has_b_frames=bool(stream.decoder.has_b_frames),
    )


def _awaits_report(stream: PacketSource) -> bool:
    return isinstance(stream, RtspStream) and stream.clock_ahead_s is None


def describe_stream(name: str, seen: Seen) -> Iterator[Finding]:
    """What was seen, and what of it makes results late or recordings long."""
    if seen.frame is None or seen.first_frame_s is None:
        yield Finding(name, f"{seen.codec}: no frame within {seen.looked_s:.0f} s", Level.PROBLEM,
                      "it is connected, and nothing that it sends can be decoded")  # fmt: skip
        return
    rate = f", {seen.fps:.3g} fps" if seen.fps else ""
    size = f"{seen.frame.width}x{seen.frame.height}"
    turned = f", turned by {seen.frame.rotation}°" if seen.frame.rotation else ""
    squeezed = (
        f", pixels {seen.sar.numerator}:{seen.sar.denominator}" if seen.sar not in (0, 1) else ""
    )
    yield Finding(name, f"{seen.codec} {size}{rate}{turned}{squeezed}, first frame after "
                        f"{seen.first_frame_s:.1f} s")  # fmt: skip
    if seen.key_gap_s is None or seen.key_gap_s > _LONG_GAP_S:
        gap = (
            f"more than {seen.looked_s:.0f}" if seen.key_gap_s is None else f"{seen.key_gap_s:.0f}"
        )
        yield Finding(name, f"{gap} s between key frames", Level.NOTE,
                      "clips begin so much earlier, and a lost frame spoils so many seconds: set "
                      "the key frame interval to 2 s, and a 'smart codec' off")  # fmt: skip
    if seen.has_b_frames:
        yield Finding(name, "has B-frames", Level.NOTE,
                      "pictures come out late: choose a profile without")  # fmt: skip
