"""One film of several, without coding anything anew."""

from collections import deque
from pathlib import Path
from typing import Any, NamedTuple

import av
import av.error

from stages.services.archive.layout import NS, iso_utc
from stages.services.recorder.finishing import copy_stream

GAP_NS = NS  # a longer time without pictures is told


class OtherStream(Exception):
    """A film whose pictures cannot follow those before it; the message says why."""


class WriteError(Exception):
    """The target cannot be written."""

    def __init__(self, error: av.error.FFmpegError) -> None:
        super().__init__(str(error))
        self.strerror = error.strerror


class Part(NamedTuple):
    """What is wanted of a film; times are UNIX times in ns."""

    path: Path
    begin_ns: int  # of its first picture
    from_ns: int  # it begins at the last key frame by then
    to_ns: int  # what is decoded from then on is left out


class JoinedFilm:
    """Writes packets of one film after the other into a film.

    Pictures follow each other by their decode times, so nothing is shown twice where pictures are
    shown in another order. What comes after a gap follows at once, and sound keeps to the pictures
    beside it: what was heard while none came is left out.

    Args:
        paths: films in the order in which they will be added. Pictures are as in the first that
            can be read, sound is as in the first that has any.

    """

    def __init__(self, target: "av.container.OutputContainer", paths: list[Path]) -> None:
        self._target = target
        self._copies: dict[str, Any] = {}  # streams of the target, by kind
        self._forms: dict[str, tuple[object, ...]] = {}  # of them, by kind
        self._waiting: deque[Any] = deque()  # sound that no picture has reached yet
        self._decoded_s = 0.0  # when the next picture is due
        self._shown_s = 0.0  # the end of what is shown
        self._heard = -1  # the last tick of sound
        self._last_unix_ns: int | None = None  # the end of the last picture
        self.first_unix_ns: int | None = None
        self.packets = self.bytes = 0  # that were written
        self.notes: list[str] = []  # gaps and what else is missing
        for path in paths:
            self._add_streams(path)
            if len(self._copies) == 2:
                break

    @property
    def last_unix_ns(self) -> int | None:
        """Where it ends; None without a picture."""
        return self._last_unix_ns

    def add(self, part: Part) -> None:
        """Add a part. What was read is there if this raises.

        Raises:
            OtherStream: the part is of another stream than those before.
            FFmpegError, OSError: it cannot be read.
            WriteError: the target cannot be written.
        """
        with av.open(str(part.path)) as source:
            pictures = source.streams.video[0]
            if _form(pictures) != self._forms["video"]:
                context = pictures.codec_context
                raise OtherStream(
                    f"{part.path}: expected the same codec, size and settings as in the films "
                    f"before, got others ({context.name} {context.width}x{context.height})"
                )
            self._copy(source, pictures, self._find_sound(source, part.path), part)

    def end(self) -> None:
        """Write the sound of the last pictures. Raises WriteError."""
        self._hear()

    def _add_streams(self, path: Path) -> None:
        try:
            with av.open(str(path)) as source:
                for stream in source.streams:
                    if stream.type not in self._copies:
                        self._copies[stream.type] = copy_stream(self._target, stream)
                        self._forms[stream.type] = _form(stream)
        except (av.error.FFmpegError, OSError):
            pass  # `add` says so

    def _find_sound(self, source: Any, path: Path) -> Any:
        """The sound that can be copied, if there is any."""
        if not source.streams.audio:
            return None
        sound = source.streams.audio[0]
        if _form(sound) == self._forms.get("audio"):
            return sound
        self.notes.append(f"{path}: its sound is left out: it has other settings than before")
        return None

    def _copy(self, source: Any, pictures: Any, sound: Any, part: Part) -> None:
        base = pictures.time_base
        origin_s = float((pictures.start_time or 0) * base)  # shows `begin_ns`
        to_s = (part.to_ns - part.begin_ns) / NS
        source.seek(max(round((part.from_ns - part.begin_ns) / NS / base), 0), stream=pictures)
        wanted = [stream for stream in (pictures, sound) if stream is not None]
        shift_s: float | None = None
        early: list[Any] = []  # sound that was read before the first picture
        over: set[int] = set()
        for packet in source.demux(wanted):
            if not packet.size or packet.pts is None or packet.dts is None:
                continue
            if packet.dts * packet.time_base >= to_s:
                over.add(packet.stream_index)
                if len(over) == len(wanted):
                    break
                continue
            if packet.stream_index != pictures.index:
                self._wait(packet, shift_s, early)
                continue
            if shift_s is None:
                first_s = float(packet.pts * base)
                self._tell_gap(part.begin_ns + round((first_s - origin_s) * NS))
                shift_s = self._decoded_s - float(packet.dts * base)
                for heard in early:
                    if heard.pts * heard.time_base >= first_s:
                        self._wait(heard, shift_s, early)
            shown_s = float((packet.pts + (packet.duration or 0)) * base) - origin_s
            self._last_unix_ns = part.begin_ns + round(shown_s * NS)
            self._show(packet, shift_s)

    def _wait(self, packet: Any, shift_s: float | None, early: list[Any]) -> None:
        if shift_s is None:
            early.append(packet)
            return
        _move(packet, shift_s)
        self._waiting.append(packet)

    def _show(self, packet: Any, shift_s: float) -> None:
        _move(packet, shift_s)
        base, duration = packet.time_base, packet.duration or 0
        self._decoded_s = float((packet.dts + duration) * base)
        self._shown_s = max(self._shown_s, float((packet.pts + duration) * base))
        self._write(packet, "video")
        self._hear()

    def _hear(self) -> None:
        """Write sound as far as there are pictures."""
        while self._waiting:
            packet = self._waiting[0]
            if packet.pts * packet.time_base >= self._shown_s:
                return
            self._waiting.popleft()
            if packet.dts > self._heard:  # else it was heard
                self._heard = packet.dts
                self._write(packet, "audio")

    def _write(self, packet: Any, kind: str) -> None:
        self.packets += 1
        self.bytes += packet.size
        packet.stream = self._copies[kind]
        try:
            self._target.mux_one(packet)
        except av.error.FFmpegError as error:
            raise WriteError(error) from None

    def _tell_gap(self, begin_ns: int) -> None:
        """`begin_ns` is of the next picture."""
        last = self._last_unix_ns
        if last is None:
            self.first_unix_ns = begin_ns
        elif begin_ns - last > GAP_NS:
            self._waiting.clear()
            self.notes.append(f"nothing is kept from {iso_utc(last)} to {iso_utc(begin_ns)}")


def _move(packet: Any, shift_s: float) -> None:
    shift = round(shift_s / packet.time_base)
    packet.pts += shift
    packet.dts += shift


def _form(stream: Any) -> tuple[object, ...]:
    """What packets of two streams must have in common to follow each other."""
    context = stream.codec_context
    if stream.type == "audio":
        return context.name, context.sample_rate, context.layout.name, context.extradata
    return context.name, context.width, context.height, context.extradata
