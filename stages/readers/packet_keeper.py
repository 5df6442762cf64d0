"""From the coded pictures of one connection to the ring of packets."""

import time
from fractions import Fraction
from functools import partial
from typing import Any

from av.packet import Packet
from av.video.codeccontext import VideoCodecContext

from pipeline.memory.packet import PacketFlag, Track
from pipeline.memory.packet_ring import PacketRing
from pipeline.realtime import monotonic_ns
from stages.readers.decoding.access_unit import AccessUnit
from stages.readers.decoding.decode_times import DecodeTimes
from stages.readers.decoding.parameter_sets import leading_sets
from stages.readers.decoding.sound import SAMPLES, Sound, SoundUnit
from stages.readers.jump_wait import JumpWait

# What MP4 holds and browsers play; of other pictures a film is made by encoding them anew.
_KEPT = frozenset({"h264", "hevc", "av1"})
_LENGTH_PREFIXED = 1  # first byte of avcC and hvcC: no Annex B
_MICROSECONDS = Fraction(1, 1_000_000)
_USUAL_FPS = 25


class PacketKeeper:
    """Keeps what can be kept, from the first key frame on.

    Other parameter sets, or another size, begin a new generation of the ring, as each connection
    does.

    Args:
        ring: None where nobody wants packets.
        decoder: of the connection; it has seen each unit before this.
        after_ns: units of the line's time up to this one are in the ring already.
        sound: of the connection, which may begin later than its pictures: then a key frame begins
            a generation that has both.
    """

    def __init__(
        self, ring: PacketRing | None, decoder: VideoCodecContext, after_ns: int | None = None,
        sound: Sound | None = None,
    ) -> None:  # fmt: skip
        self._decoder = decoder
        self._codec = decoder.codec.canonical_name
        self._ring = ring if self._codec in _KEPT else None
        self._after_ns = after_ns
        self._sound = Sound() if sound is None else sound
        self._tracks: tuple[Track, ...] = ()
        self._wait = JumpWait()

    def keep(self, unit: AccessUnit, time_ns: int | None, shift_ns: int) -> None:
        """Keep a coded picture.

        Args:
            unit: what came.
            time_ns: when it is shown, by the source's clock; without that it is left out.
            shift_ns: the line's time less the source's.
        """
        if self._ring is not None and time_ns is not None:
            self._wait.put(time_ns, shift_ns, partial(self._keep, unit))

    def keep_sound(self, shift_ns: int) -> None:
        """Keep the sound that has come meanwhile; what comes before a key frame is left out."""
        for unit in self._sound.take():
            if self._wait.is_waiting:  # it goes where the pictures go
                self._wait.put(unit.time_ns, shift_ns, partial(self._keep_sound, unit))
            else:
                self._keep_sound(unit, unit.time_ns + shift_ns)

    def see(self, time_ns: int | None, shift_ns: int) -> None:
        """A frame has come of what was kept, and has a time of the line: see `keep`."""
        if time_ns is not None:
            self._wait.see(time_ns, shift_ns)

    def finish(self, shift_ns: int) -> None:
        """No frames come any more of what was kept."""
        self._wait.finish(shift_ns)

    def _keep(self, unit: AccessUnit, pts_ns: int) -> None:
        assert self._ring is not None, "asked for where packets are kept"
        if self._after_ns is not None and pts_ns <= self._after_ns:
            return
        packet = unit.packet
        if packet.is_keyframe:
            self._begin_if_new(packet, unit.time_base or _MICROSECONDS)
        if not self._tracks:
            return
        pts, dts, duration = self._times(packet, pts_ns)
        flags = PacketFlag.KEY if packet.is_keyframe else PacketFlag.NONE
        self._ring.put(
            memoryview(packet),
            flags=flags | PacketFlag.DAMAGED if unit.damaged else flags,
            pts=pts,
            dts=dts,
            duration=duration,
            pts_ns=pts_ns,
            arrived_unix_ns=_unix_ns(unit.arrived_ns),
        )

    def _keep_sound(self, unit: SoundUnit, pts_ns: int) -> None:
        is_old = self._after_ns is not None and pts_ns <= self._after_ns
        if self._ring is None or len(self._tracks) < 2 or is_old:
            return
        ticks = pts_ns * self._tracks[1].sample_rate // 1_000_000_000
        self._ring.put(
            unit.data,
            flags=PacketFlag.NONE,
            pts=ticks,
            dts=ticks,
            duration=SAMPLES,
            pts_ns=pts_ns,
            arrived_unix_ns=_unix_ns(unit.arrived_ns),
            track=1,
        )

    def _times(self, packet: "Packet[Any]", pts_ns: int) -> tuple[int, int, int]:
        """PTS, DTS and duration in ticks; a packet without times has those of its arrival."""
        pts, dts = packet.pts, packet.dts
        if pts is None:
            pts = dts if dts is not None else pts_ns // 1000
        if dts is None:
            dts = self._decode_times.next(pts, reorders=bool(self._decoder.has_b_frames))
        return pts, dts, packet.duration or 0

    def _begin_if_new(self, packet: "Packet[Any]", time_base: Fraction) -> None:
        assert self._ring is not None, "asked for where packets are kept"
        decoder = self._decoder
        extradata = decoder.extradata or b""
        if self._codec != "av1" and extradata[:1] != bytes((_LENGTH_PREFIXED,)):
            extradata = leading_sets(memoryview(packet), self._codec) or extradata
        ticks = time_base.as_integer_ratio()
        track = Track("video", self._codec, extradata, ticks, decoder.width, decoder.height)
        tracks = (track,) if self._sound.track is None else (track, self._sound.track)
        if tracks == self._tracks or not extradata:
            return
        self._tracks = tracks
        self._decode_times = DecodeTimes(round(1 / time_base / _USUAL_FPS))
        self._ring.begin(tracks)


def _unix_ns(arrived_ns: int) -> int:
    return time.time_ns() - monotonic_ns() + arrived_ns
