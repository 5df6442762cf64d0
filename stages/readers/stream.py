"""Network cameras and other live streams: the newest frame, and the truth about its age."""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

from pipeline.logger import logger
from pipeline.loops.epoch_clock import LONGEST_PAUSE_NS, EpochClock
from pipeline.memory.counters import DropReason
from pipeline.memory.packet_ring import PacketRing
from pipeline.realtime import monotonic_ns
from pipeline.redact import redact
from pipeline.source import Captured, EndOfSource, PtsOrigin, SourceError, SourceStalled
from stages.kernels.picture import Picture, PictureFormat
from stages.readers.decoding.access_unit import AccessUnit
from stages.readers.decoding.decoder import Decoded, Decoder, to_ns
from stages.readers.decoding.demuxer import PacketSource
from stages.readers.decoding.frame_format import Described, FrameFormatter
from stages.readers.decoding.sound import describe_refusal
from stages.readers.lag import CatchUp, LagMeter
from stages.readers.packet_keeper import PacketKeeper
from stages.readers.rate_limit import KeyPlan, RateLimit
from stages.readers.reader import FormatChanged

_NS_PER_S = 1_000_000_000
_IDLE_NS = 1_000_000  # a read that took longer had to wait for the network
_MOST_HELD = 64  # pictures in a decoder, and some that came to nothing
_SILENCES_TO_FIRST_FRAME = 6  # a camera may send a key frame each half minute only


class _Timed(NamedTuple):
    """A decoded frame whose age is known."""

    described: Described
    pts_ns: int
    arrived_ns: int
    lag_ns: int


class StreamReader:
    """Reads one live stream.

    Args:
        uri: what log lines and errors call it, after its credentials are taken out.
        connect: opens the stream. Raises SourceError.
        silence_s: how long the stream may deliver nothing that can be decoded.
        fps: at most so many frames per second of the stream's time.
        alive: called for each coded picture of which no frame comes.
    """

    def __init__(
        self,
        uri: str,
        connect: Callable[[], PacketSource],
        *,
        silence_s: float,
        fps: float | None = None,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        self._uri, self._connect, self._alive = uri, connect, alive
        self._silence_s, self._silence_ns = silence_s, round(silence_s * _NS_PER_S)
        self._fps = fps
        self._source: PacketSource | None = None
        self._losses = Counter[DropReason]()
        self._told_sound = False
        self.packets: PacketRing | None = None  # where coded pictures are kept, if anywhere
        name = redact(uri)
        self._clock = EpochClock(lambda change: logger.info("{}: {}", name, change))
        self.pts_origin = PtsOrigin.STREAM

    def open(self, first_frame: int) -> PictureFormat:
        self._source = self._connect()
        self._decoder = Decoder(self._source.decoder)
        sound = self._source.sound
        self._keeper = PacketKeeper(self.packets, self._source.decoder, sound=sound)
        if sound.refused and not self._told_sound:
            self._told_sound = True
            logger.info("{}: {}", redact(self._uri), describe_refusal(sound))
        self._formatter = FrameFormatter()
        self._limit = RateLimit(self._fps)
        self._plan = KeyPlan(self._limit)
        self._lag, self._catch_up = LagMeter(), CatchUp()
        self._ready = deque[_Timed]()
        self._is_flushed = self._was_silent = False
        self._last_time_ns = self._interval_ns = 0
        self._lags: dict[int, int] = {}  # by arrival, of pictures that the decoder holds
        self.pts_origin = PtsOrigin.STREAM if self._source.has_times else PtsOrigin.ARRIVAL
        self._clock.begin(longest_pause_ns=LONGEST_PAUSE_NS)
        self._first_ns: int | None = None  # arrival of the first frame
        self._good_ns = monotonic_ns() + (_SILENCES_TO_FIRST_FRAME - 1) * self._silence_ns
        while not self._ready:
            self._alive()
            self._advance()
        return self._ready[0].described.form

    def read(self, picture: Picture) -> Captured | None:
        if not self._ready:
            self._advance()
            if not self._ready:
                return None
        timed = self._ready[0]
        if timed.described.form != picture.form:
            raise FormatChanged(timed.described.form)
        self._ready.popleft()
        self._formatter.write(timed.described, picture)
        waited_ns = monotonic_ns() - timed.arrived_ns + timed.lag_ns
        return Captured(timed.pts_ns, waited_ns)

    def take_losses(self) -> Mapping[DropReason, int]:
        if not self._losses:  # a new counter takes as long as all the rest of this
            return {}
        losses, self._losses = self._losses, Counter()
        return losses

    def close(self) -> None:
        if self._source is not None:
            self._source.close()
            self._source = None

    def _advance(self) -> None:
        """Read one coded picture, and decode it if that helps."""
        assert self._source is not None, "read before open"
        if self._was_silent:
            raise SourceStalled(f"{redact(self._uri)}: sent nothing for {self._silence_s:g} s")
        before_ns = monotonic_ns()
        unit = self._source.read()
        if unit is None:
            self._end()
            return
        waited_ns = max(unit.arrived_ns - before_ns, 0)
        # A demuxer that is interrupted hands on what it has held back, and only then says why.
        self._was_silent = waited_ns >= self._silence_ns
        self._decode(unit, self._measure_lag(unit, idle=waited_ns > _IDLE_NS), waited_ns)
        if self.packets is not None:
            self._keeper.keep(unit, self._shown_ns(unit), self._clock.shift_ns)
            if self.pts_origin is PtsOrigin.STREAM:
                self._keeper.keep_sound(self._clock.shift_ns)
        self._count_losses()
        if monotonic_ns() - self._good_ns > self._silence_ns:
            raise SourceStalled(
                f"{redact(self._uri)}: sent nothing that can be decoded for {self._silence_s:g} s"
            )

    def _count_losses(self) -> None:
        if self._decoder.losses:
            self._losses += self._decoder.losses
            self._decoder.losses.clear()

    def _decode(self, unit: AccessUnit, lag_ns: int, waited_ns: int) -> None:
        is_key = unit.packet.is_keyframe
        if self._catch_up.skips(lag_ns, unit.arrived_ns, waited_ns, is_key=is_key):
            self._decoder.leave_out()
            self._losses[DropReason.BEHIND] += 1
            self._good_ns = unit.arrived_ns
            return
        time_ns = self._time_of(unit)
        loss = self._loss_of(time_ns, lag_ns, idle=waited_ns > _IDLE_NS)
        passed = self._plan.passes_over(time_ns, is_key=self._decoder.can_resume_at(unit.packet))
        if passed or (loss is not DropReason.UNDECODABLE and self._decoder.is_intra_only):
            if loss is DropReason.BEHIND:
                self._losses[DropReason.BEHIND] += 1
            self._good_ns = unit.arrived_ns
            return
        assert self._source is not None, "read before open"
        held_ns = self._source.held_pictures * self._interval_ns  # no queue: it does not grow
        self._lags[unit.arrived_ns] = lag_ns + held_ns
        for decoded in self._decoder.decode(unit, loss):
            self._good_ns = unit.arrived_ns
            self._take(decoded)
        if len(self._lags) > _MOST_HELD:
            del self._lags[min(self._lags)]

    def _loss_of(self, time_ns: int | None, lag_ns: int, *, idle: bool) -> DropReason | None:
        """What it is called if nothing comes of the picture: see `Decoder.decode`."""
        if time_ns is not None and not self._limit.wants(time_ns):
            return None
        is_late = self._catch_up.is_late(lag_ns, idle=idle)
        return DropReason.BEHIND if is_late else DropReason.UNDECODABLE

    def _take(self, decoded: Decoded) -> None:
        pts_ns = self._stamp(decoded)
        if not self._limit.wants(pts_ns):
            return
        self._limit.take(pts_ns)
        assert self._source is not None, "read before open"
        sar = self._source.sar or decoded.sar
        described = self._formatter.describe(decoded.frame, sar)
        lag_ns = self._lags.pop(decoded.arrived_ns, 0)
        self._ready.append(_Timed(described, pts_ns, decoded.arrived_ns, lag_ns))

    def _stamp(self, decoded: Decoded) -> int:
        if self.pts_origin is PtsOrigin.STREAM:
            time_ns = decoded.pts_ns
            pts_ns = self._clock.stamp(time_ns, decoded.arrived_ns)
        else:
            self._first_ns = decoded.arrived_ns if self._first_ns is None else self._first_ns
            time_ns = decoded.arrived_ns - self._first_ns
            pts_ns = self._clock.stamp(time_ns)
        self._keeper.see(time_ns, self._clock.shift_ns)
        return pts_ns

    def _time_of(self, unit: AccessUnit) -> int | None:
        """When it is to be shown; None if that is of no use, or not known before it is decoded."""
        if self._fps is None or self.pts_origin is PtsOrigin.ARRIVAL:
            return None
        time_ns = to_ns(unit.packet.pts, unit.time_base)
        return None if time_ns is None else time_ns + self._clock.shift_ns

    def _shown_ns(self, unit: AccessUnit) -> int | None:
        """When its frame is shown, by the clock that frames are stamped by; None before the first.

        Without times of its own, a stream has those of arrival.
        """
        if self.pts_origin is PtsOrigin.ARRIVAL:
            return None if self._first_ns is None else unit.arrived_ns - self._first_ns
        return to_ns(unit.packet.pts, unit.time_base)

    def _measure_lag(self, unit: AccessUnit, *, idle: bool) -> int:
        packet = unit.packet
        ticks = packet.pts if packet.dts is None else packet.dts  # in the order of sending
        time_ns = to_ns(ticks, unit.time_base)
        if time_ns is None or self.pts_origin is PtsOrigin.ARRIVAL:
            return 0
        interval_ns = time_ns - self._last_time_ns
        if 0 < interval_ns < LONGEST_PAUSE_NS:
            self._interval_ns = interval_ns
        self._last_time_ns = time_ns
        return self._lag.measure(time_ns, unit.arrived_ns, idle=idle)

    def _end(self) -> None:
        """Take what the decoder still holds; after that, say that there is no more."""
        assert self._source is not None, "read before open"
        if not self._is_flushed:
            self._is_flushed = True
            for decoded in self._decoder.flush():
                self._take(decoded)
            self._keeper.finish(self._clock.shift_ns)
            self._count_losses()
        if self._ready:
            return
        if self._source.is_finite:
            raise EndOfSource
        raise SourceError(f"{redact(self._uri)}: the stream ended")
