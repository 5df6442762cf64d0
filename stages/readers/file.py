"""Video files: every frame once, at the times of the container."""

from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction

from pipeline.logger import logger
from pipeline.loops.epoch_clock import LONGEST_INDEXED_PAUSE_NS, LONGEST_PAUSE_NS, EpochClock
from pipeline.memory.counters import DropReason
from pipeline.memory.packet_ring import PacketRing
from pipeline.redact import redact
from pipeline.source import Captured, EndOfSource, PtsOrigin, SourceError
from stages.kernels.picture import Picture, PictureFormat
from stages.readers.decoding.access_unit import AccessUnit
from stages.readers.decoding.decoder import Decoded, Decoder, to_ns
from stages.readers.decoding.demuxer import Demuxer
from stages.readers.decoding.frame_format import Described, FrameFormatter
from stages.readers.decoding.sound import describe_refusal
from stages.readers.packet_keeper import PacketKeeper
from stages.readers.rate_limit import KeyPlan, RateLimit, Span
from stages.readers.reader import FormatChanged

_NS_PER_S = 1_000_000_000
_TS_DISCONT = 0x200  # AVFMT_TS_DISCONT: times of the format may start anew in its middle
_HEARTBEAT_UNITS = 32  # `alive` is called once in so many pictures


class FileReader:
    """Reads one file, over and over if it loops.

    Args:
        uri: as libavformat takes it: "file:" and a path, or a URL of a file behind HTTP.
        name: what log lines and errors call it.
        loop: begin again at the end, while time goes on.
        fps: at most so many frames per second of the file's time.
        options: of protocol and format.
        silence_s: how long a server may send nothing; None for files of this machine.
        alive: called now and then while nothing is delivered.
    """

    def __init__(
        self,
        uri: str,
        *,
        name: str,
        loop: bool = False,
        fps: float | None = None,
        options: dict[str, str] | None = None,
        silence_s: float | None = None,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        self._uri, self._name, self._loop, self._fps = uri, name, loop, fps
        self._options, self._silence_s, self._alive = options or {}, silence_s, alive
        self._losses = Counter[DropReason]()
        self._told_sound = False
        self._clock = EpochClock(lambda change: logger.info("{}: {}", redact(name), change))
        self._demuxer: Demuxer | None = None
        self.packets: PacketRing | None = None  # where coded pictures are kept, if anywhere
        self.pts_origin = PtsOrigin.STREAM

    def open(self, first_frame: int) -> PictureFormat:
        self._warned = False
        self._kept_ns = None if self.packets is None else self.packets.newest_pts_ns
        self._frames = self._read_rounds(first_frame)
        self._first: tuple[Described, int] | None = next(self._frames)
        return self._first[0].form

    def read(self, picture: Picture) -> Captured:
        described, pts_ns = self._first if self._first is not None else next(self._frames)
        if described.form != picture.form:
            self._first = described, pts_ns
            raise FormatChanged(described.form)
        self._first = None
        self._formatter.write(described, picture)
        return Captured(pts_ns)

    def take_losses(self) -> Counter[DropReason]:
        losses, self._losses = self._losses, Counter()
        return losses

    def close(self) -> None:
        if self._demuxer is not None:
            self._demuxer.close()
            self._demuxer = None

    def _read_rounds(self, first_frame: int) -> Iterator[tuple[Described, int]]:
        """The frames from the given one on, round after round. Raises EndOfSource."""
        skip = first_frame
        demuxer = self._begin_round()
        self._clock.begin(_declared_interval_ns(demuxer), _longest_pause_ns(demuxer))
        while True:
            frames = 0
            for decoded, pts_ns in self._read_round(demuxer):
                if frames >= skip:
                    yield self._formatter.describe(decoded.frame, self._sar_of(decoded)), pts_ns
                frames += 1
            if skip == 0 or frames > skip:
                self._count_losses()
            if frames == 0:
                raise SourceError(f"{self._name}: expected video, got no frame")
            if not self._loop:
                raise EndOfSource
            # Whole rounds need no decoding.
            rounds = 1 + max(skip - frames, 0) // frames
            self._clock.rewind(rounds)
            skip = max(skip - rounds * frames, 0)
            demuxer = self._begin_round()

    def _begin_round(self) -> Demuxer:
        self.close()
        self._demuxer = demuxer = Demuxer(
            self._uri, name=self._name, options=self._options, silence_s=self._silence_s,
            with_sound=self.packets is not None,
        )  # fmt: skip
        if demuxer.sound.refused and not self._told_sound:
            self._told_sound = True
            logger.info("{}: {}", redact(self._name), describe_refusal(demuxer.sound))
        self._decoder = Decoder(demuxer.decoder, sent_times=demuxer.has_sent_times)
        self._keeper = PacketKeeper(self.packets, demuxer.decoder, self._kept_ns, demuxer.sound)
        self._formatter = FrameFormatter()
        self._limit = RateLimit(self._fps)  # rounds are equal, so that any can be found again
        self._plan = KeyPlan(self._limit)
        self._span = Span()
        self.pts_origin = PtsOrigin.STREAM if demuxer.has_times else PtsOrigin.RATE
        return demuxer

    def _read_round(self, demuxer: Demuxer) -> Iterator[tuple[Decoded, int]]:
        """The wanted frames of the file, once; each is stamped, whether it is wanted or not."""
        count = 0
        for decoded in self._decode(demuxer):
            pts_ns = self._clock.stamp(decoded.pts_ns if demuxer.has_times else None)
            self._keeper.see(decoded.pts_ns, self._clock.shift_ns)
            count += 1
            if self._limit.wants(pts_ns):
                self._limit.take(pts_ns)
                yield decoded, pts_ns
        self._keeper.finish(self._clock.shift_ns)
        if self._span.last_ns is not None:  # of pictures too that were not even decoded
            self._clock.stamp(self._span.last_ns)
        self._warn_if_cut(demuxer, count)

    def _decode(self, demuxer: Demuxer) -> Iterator[Decoded]:
        for unit in _read_units(demuxer):
            if demuxer.units % _HEARTBEAT_UNITS == 0:
                self._alive()
            decoded = self._decode_unit(unit)
            if self.packets is not None:
                self._keeper.keep(unit, self._shown_ns(unit), self._clock.shift_ns)
                if self.pts_origin is PtsOrigin.STREAM:
                    self._keeper.keep_sound(self._clock.shift_ns)
            yield from decoded
        yield from self._decoder.flush()

    def _decode_unit(self, unit: AccessUnit) -> list[Decoded]:
        """What comes out when this is known; nothing if no wanted picture depends on it."""
        time_ns = self._time_of(unit)
        if time_ns is not None and not unit.packet.is_discard:
            self._span.add(time_ns)
        if self._plan.passes_over(time_ns, is_key=self._decoder.can_resume_at(unit.packet)):
            return []
        wanted = time_ns is None or self._limit.wants(time_ns + self._clock.shift_ns)
        if not wanted and self._decoder.is_intra_only:
            return []
        return self._decoder.decode(unit, DropReason.UNDECODABLE if wanted else None)

    def _shown_ns(self, unit: AccessUnit) -> int | None:
        """When its frame is shown, by the file's clock; None in a file without times."""
        if self.pts_origin is PtsOrigin.RATE:
            return None
        return to_ns(unit.packet.pts, unit.time_base)

    def _time_of(self, unit: AccessUnit) -> int | None:
        return None if self._fps is None else self._shown_ns(unit)

    def _sar_of(self, decoded: Decoded) -> Fraction:
        assert self._demuxer is not None, "read before open"
        return self._demuxer.sar or decoded.sar

    def _count_losses(self) -> None:
        self._losses += self._decoder.losses
        self._decoder.losses.clear()

    def _warn_if_cut(self, demuxer: Demuxer, frames: int) -> None:
        """Say it where it is certain: bytes were missing, or pictures that the header announces."""
        announced = demuxer.announced_units
        is_whole = not demuxer.is_cut and announced <= demuxer.units and not demuxer.lacks_bytes
        if self._warned or is_whole:
            return
        self._warned = True
        header = f", its header announces {announced}" if announced else ""
        logger.warning(
            "{}: {} frames could be decoded{}: truncated or damaged?", self._name, frames, header
        )


def _declared_interval_ns(demuxer: Demuxer) -> int | None:
    rate = demuxer.stream.average_rate or demuxer.stream.guessed_rate
    return round(_NS_PER_S / rate) if rate else None


def _longest_pause_ns(demuxer: Demuxer) -> int:
    may_start_anew = demuxer.stream.container.format.flags & _TS_DISCONT
    return LONGEST_PAUSE_NS if may_start_anew else LONGEST_INDEXED_PAUSE_NS


def _read_units(demuxer: Demuxer) -> Iterator[AccessUnit]:
    """All coded pictures; the last one of a file that was cut off in its middle is damaged."""
    unit = demuxer.read()
    while unit is not None:
        following = demuxer.read() if unit.packet.is_corrupt else None
        if unit.packet.is_corrupt and following is None:
            yield unit._replace(damaged=True)
            return
        yield unit
        unit = following if following is not None else demuxer.read()
