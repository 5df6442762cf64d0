"""Coded packets as fragmented MP4, without coding anything anew.

FFmpeg's muxer writes a fragment when the next picture comes, since it waits for its duration: a
delay of one frame. So the few boxes of a fragment are written here, as soon as a picture is there.
"""

import itertools
import struct
from collections.abc import Sequence
from typing import NamedTuple

from pipeline.service import Packet, Track
from stages.services.media.boxes import box, full_box
from stages.services.media.init_segment import TICKS, make_init_segment
from stages.services.media.nal_units import (
    is_annex_b,
    length_bytes,
    split,
    widen_lengths,
    with_lengths,
)
from stages.services.media.sound_track import NUMBER as SOUND
from stages.services.media.sound_track import add_sound_track

_NS_PER_S = 1_000_000_000
_USUAL_TICKS = TICKS // 25  # of a picture, where nothing tells its duration
_LONGEST_TICKS = 10 * TICKS  # the next picture tells better when it comes
_TRACK = 1
_SOUND_FLAGS = 0x02000000  # each frame depends on no other
_DRIFT_S = 0.1  # less is the unevenness of arrival: the frames of sound follow each other exactly
# ISO/IEC 14496-12, 8.8.3.1: depends on no other; depends on others, and is no place to begin at
_KEY_FLAGS, _OTHER_FLAGS = 0x02000000, 0x01010000
_DEFAULT_BASE_IS_MOOF = 0x020000
_RUN_FIELDS = 0x000F01  # offset of the data; duration, size, flags and time to show of each
_MOOF_HEAD_BYTES = 24  # moof, mfhd
_TRAF_HEAD_BYTES, _BYTES_PER_SAMPLE = 64, 16  # traf, tfhd, tfdt, trun; of a sample in `trun`
_MDAT_HEAD_BYTES = 8


class _Sample(NamedTuple):
    data: bytes
    flags: int
    dts: int
    pts: int
    duration: int  # 0: unknown


class Remuxer:
    """Makes one MP4 of the pictures of one generation.

    Times are those of the line: at `origin_ns` + t of its `pts_ns` is the time t of the film. They
    begin near zero, so that no gap comes near the end of a counter. Sound that is older than the
    first picture is left out.

    Args:
        tracks: of the generation.
        first: the packet that the film begins with: a key frame.
        with_sound: whether it has the sound of the generation, if there is some.

    Raises:
        UnplayableStream: no film can be made of it.
    """

    def __init__(self, tracks: Sequence[Track], first: Packet, *, with_sound: bool = False) -> None:
        self._track = tracks[first.track]
        self.init = make_init_segment(self._track)
        sound = next((track for track in tracks if track.kind == "audio"), None)
        self._sound = sound if with_sound else None
        if self._sound is not None:
            data = add_sound_track(self.init.data, self._sound)
            self.init = self.init._replace(data=data)
        self._next_sound = 0
        num, den = self._track.time_base
        self._ticks = TICKS * num, den  # of the film, in one tick of the packets
        self._is_annex_b = self._track.codec != "av1" and is_annex_b(self._track.extradata)
        self._has_lengths = self._track.codec != "av1" and not self._is_annex_b
        self._length_bytes = (
            length_bytes(self._track.extradata, self._track.codec) if self._has_lengths else 0
        )
        # Pictures that are shown later than they are decoded would begin before zero.
        early = self._to_ticks(first.pts - first.dts)
        self.origin_ns = first.pts_ns - early * _NS_PER_S // TICKS
        self._number = 0
        self._last_dts = -1
        self._last_duration = _USUAL_TICKS

    def fragment(self, packets: Sequence[Packet]) -> bytes:
        """The boxes `moof` and `mdat` of one packet or more, in the order in which they came.

        Nothing, where they are sound alone that is left out.
        """
        runs = []
        pictures = [self._sample(packet) for packet in packets if packet.track == 0]
        if pictures:
            runs.append(_Run(_TRACK, pictures, self._durations(pictures)))
        if self._sound is not None:
            heard = [self._frame(packet, self._sound) for packet in packets if packet.track != 0]
            frames = [frame for frame in heard if frame is not None]
            if frames:
                runs.append(_Run(SOUND, frames, [frame.duration for frame in frames]))
        if not runs:
            return b""
        self._number += 1
        data = b"".join(sample.data for run in runs for sample in run.samples)
        return _moof(self._number, runs) + box("mdat", data)

    def _durations(self, samples: Sequence[_Sample]) -> list[int]:
        durations = [b.dts - a.dts for a, b in itertools.pairwise(samples)]
        durations.append(samples[-1].duration or (durations or [self._last_duration])[-1])
        self._last_duration = durations[-1]
        return durations

    def film_s(self, pts_ns: int) -> float:
        """When in the film a frame of the line is shown, in seconds."""
        return (pts_ns - self.origin_ns) / _NS_PER_S

    def _sample(self, packet: Packet) -> _Sample:
        pts = (packet.pts_ns - self.origin_ns) * TICKS // _NS_PER_S
        dts = max(pts - self._to_ticks(packet.pts - packet.dts), self._last_dts + 1, 0)
        step, self._last_dts = dts - self._last_dts, dts
        if self._number and 0 < step < _LONGEST_TICKS:
            self._last_duration = step
        return _Sample(
            self._payload(packet.data), _KEY_FLAGS if packet.is_key else _OTHER_FLAGS, dts, pts,
            self._to_ticks(packet.duration),
        )  # fmt: skip

    def _frame(self, packet: Packet, track: Track) -> _Sample | None:
        """A frame of sound; its track counts in samples."""
        at = (packet.pts_ns - self.origin_ns) * track.sample_rate // _NS_PER_S
        if abs(at - self._next_sound) < _DRIFT_S * track.sample_rate and self._next_sound:
            at = self._next_sound
        if at < self._next_sound:  # it was heard, or is older than the first picture
            return None
        self._next_sound = at + packet.duration
        return _Sample(packet.data, _SOUND_FLAGS, at, at, packet.duration)

    def _payload(self, data: bytes) -> bytes:
        if self._is_annex_b:
            return with_lengths(split(data))
        return widen_lengths(data, self._length_bytes) if self._has_lengths else data

    def _to_ticks(self, ticks: int) -> int:
        """Of the film, for those of the packets."""
        return ticks * self._ticks[0] // self._ticks[1]


class _Run(NamedTuple):
    """What a fragment has of a track."""

    track: int
    samples: Sequence[_Sample]
    durations: Sequence[int]


def _moof(number: int, runs: Sequence[_Run]) -> bytes:
    sizes = (_TRAF_HEAD_BYTES + _BYTES_PER_SAMPLE * len(run.samples) for run in runs)
    data_at = _MOOF_HEAD_BYTES + sum(sizes) + _MDAT_HEAD_BYTES
    parts = []
    for run in runs:
        parts.append(_traf(run, data_at))
        data_at += sum(len(sample.data) for sample in run.samples)
    return box("moof", full_box("mfhd", 0, 0, struct.pack(">I", number)), *parts)


def _traf(run: _Run, data_at: int) -> bytes:
    """A fragment of one track, whose data begin so far behind the beginning of `moof`."""
    rows = b"".join(
        struct.pack(">IIIi", duration, len(sample.data), sample.flags, sample.pts - sample.dts)
        for sample, duration in zip(run.samples, run.durations, strict=True)
    )
    return box(
        "traf",
        full_box("tfhd", 0, _DEFAULT_BASE_IS_MOOF, struct.pack(">I", run.track)),
        full_box("tfdt", 1, 0, struct.pack(">Q", run.samples[0].dts)),
        full_box("trun", 1, _RUN_FIELDS, struct.pack(">Ii", len(run.samples), data_at), rows),
    )
