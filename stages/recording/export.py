"""One film of a time of the archive, without coding anything anew.

    python -m stages.recording.export --folder record --camera gate \
        --from 2026-11-30T12:00:00+01:00 --to 2026-11-30T12:05:00+01:00 out.mp4

It begins at the last key frame at or before `--from`, and ends with the last picture before `--to`.
A gap is left out, and told: what comes after it follows at once. Exit codes: 0; 2 nothing is kept
of that time, or something is wrong with the arguments or files.
"""

import argparse
import itertools
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import av
import av.error

from pipeline.log import say, say_error
from stages.services.archive.index import Item
from stages.services.archive.layout import NS, Kind, iso_utc
from stages.services.archive.listing import Listing
from stages.services.recorder.finishing import copy_stream

_GAP_NS = NS
_EARLY_S = 0.1  # that sound may begin before the picture beside it
_OVERLAP_NS = NS // 2  # a file of a recorder that was killed and the next one show a time twice
EXIT_REFUSED = 2


class ExportError(Exception):
    """The message says what is wrong."""


class Exporter:
    """Writes packets of one file after the other into a film."""

    def __init__(self, target: "av.container.OutputContainer") -> None:
        self._target = target
        self._streams: dict[str, Any] = {}  # by kind
        self._last_dts: dict[str, int] = {}
        self._form: tuple[object, ...] = ()
        self._end = 0.0  # of what is written, in seconds
        self.gaps: list[str] = []
        self._last_unix_ns: int | None = None

    def add(self, path: Path, item: Item, begin_ns: int, end_ns: int) -> None:
        """Add what a file shows of the time. Raises ExportError, FFmpegError."""
        with av.open(str(path)) as source:
            stream = source.streams.video[0]
            self._check(path, stream)
            packets = list(_between(source, stream, item.begin_ns, begin_ns, end_ns))
            shown = [packet for packet in packets if packet.stream_index == stream.index]
            if not shown:
                return
            first_s = min(float(packet.pts * packet.time_base) for packet in shown)
            self._tell_gap(item.begin_ns + round(first_s * NS))
            shift_s = self._end - first_s
            for packet in packets:
                self._add(packet, shift_s, is_shown=packet.stream_index == stream.index)
            self._last_unix_ns = item.begin_ns + round((self._end - shift_s) * NS)

    def _add(self, packet: Any, shift_s: float, *, is_shown: bool) -> None:
        kind = packet.stream.type
        target = self._streams.get(kind)
        shift = round(shift_s / packet.time_base)
        if target is None or packet.dts + shift <= self._last_dts.get(kind, -1):
            return  # the first file has no sound, or it was heard
        self._last_dts[kind] = packet.dts + shift
        packet.pts += shift
        packet.dts += shift
        if is_shown:
            end_s = float((packet.pts + (packet.duration or 0)) * packet.time_base)
            self._end = max(self._end, end_s)
        packet.stream = target
        self._target.mux_one(packet)

    def _check(self, path: Path, stream: Any) -> None:
        """All files must be of one stream."""
        context = stream.codec_context
        form = context.name, context.width, context.height, context.extradata
        if not self._streams:
            for each in stream.container.streams:
                self._streams[each.type] = copy_stream(self._target, each)
            self._form = form
        elif form != self._form:
            raise ExportError(
                f"{path}: expected the same codec, size and settings as in the files before, got "
                f"others ({context.name} {context.width}x{context.height}): export up to there"
            )

    def _tell_gap(self, begin_ns: int) -> None:
        last = self._last_unix_ns
        if last is not None and begin_ns - last > _GAP_NS:
            self.gaps.append(f"nothing is kept from {iso_utc(last)} to {iso_utc(begin_ns)}")


def _between(
    source: Any, stream: Any, file_begin_ns: int, begin_ns: int, end_ns: int
) -> Iterator[Any]:
    """Packets from the key frame before a time, to another time."""
    base = float(stream.time_base or 1)
    from_s = max((begin_ns - file_begin_ns) / NS, 0.0)
    to_s = (end_ns - file_begin_ns) / NS
    source.seek(round(from_s / base), stream=stream)
    first_s = None  # of the pictures: sound before it belongs to others
    for packet in source.demux():
        if not packet.size or packet.pts is None or packet.pts * packet.time_base >= to_s:
            continue
        if packet.stream_index == stream.index and first_s is None:
            first_s = packet.pts * packet.time_base
        if first_s is not None and packet.pts * packet.time_base >= first_s - _EARLY_S:
            yield packet


def export(folder: Path, camera: str, begin_ns: int, end_ns: int, out: Path) -> list[str]:
    """Write a film; returns the gaps in it, in words. Raises ExportError."""
    if out.exists():
        raise ExportError(f"{out}: expected a file that is not there yet")
    try:
        items = Listing(folder).overlapping(camera, Kind.CONTINUOUS, begin_ns, end_ns)
    except (FileNotFoundError, sqlite3.Error) as error:
        raise ExportError(f"{folder}: expected the folder of record.folder: {error}") from None
    if not items:
        raise ExportError(
            f"{camera}: nothing is kept from {iso_utc(begin_ns)} to {iso_utc(end_ns)}"
        )
    try:
        with av.open(
            str(out), "w", format="mp4", container_options={"movflags": "+faststart"}
        ) as target:
            exporter = Exporter(target)
            for item, following in itertools.zip_longest(items, items[1:]):
                to_ns = end_ns
                if following is not None and item.end_ns - following.begin_ns > _OVERLAP_NS:
                    to_ns = min(end_ns, following.begin_ns)
                exporter.add(folder / item.path, item, begin_ns, to_ns)
    except (av.error.FFmpegError, OSError) as error:
        out.unlink(missing_ok=True)
        raise ExportError(f"{out}: {error.strerror}") from None
    except ExportError:
        out.unlink(missing_ok=True)
        raise
    return exporter.gaps


def parse_time(text: str) -> int:
    """UNIX time in ns, of ISO 8601 with an offset."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise argparse.ArgumentTypeError(
            f"expected a time such as 2026-11-30T12:00:00+01:00, with its offset, got '{text}'"
        )
    return round(at.timestamp() * 1000) * 1_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, help="an MP4 file that is not there yet")
    parser.add_argument("--folder", type=Path, default=Path("record"), help="record.folder")
    parser.add_argument("--camera", required=True)
    parser.add_argument("--from", dest="begin", type=parse_time, required=True)
    parser.add_argument("--to", dest="end", type=parse_time, required=True)
    options = parser.parse_args(arguments)
    try:
        gaps = export(options.folder, options.camera, options.begin, options.end, options.out)
    except ExportError as error:
        say_error(f"error: {error}")
        return EXIT_REFUSED
    for gap in gaps:
        say_error(gap)
    say(f"wrote {options.out} ({options.out.stat().st_size} bytes)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
