"""One film of a time of the archive, without coding anything anew.

    python -m stages.recording.export --folder record --camera gate \
        --from 2026-11-30T12:00:00+01:00 --to 2026-11-30T12:05:00+01:00 out.mp4

It begins at the last key frame at or before `--from`, and ends with the last picture before `--to`.
A gap is left out, and told: what comes after it follows at once. The file gets its name when it is
complete. Exit codes: 0; 2 nothing is kept of that time, or something is wrong with the arguments or
files; 130 Ctrl-C.
"""

import argparse
import contextlib
import sqlite3
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import av
import av.error

from pipeline.log import say, say_error
from stages.recording.joined_film import GAP_NS, JoinedFilm, OtherStream, Part, WriteError
from stages.services.archive.index import Item
from stages.services.archive.layout import NS, Kind, iso_utc
from stages.services.archive.listing import Listing
from stages.services.recorder.finishing import check_whole

_OVERLAP_NS = NS // 2  # a file of a recorder that was killed and the next one show a time twice
_YEARS = range(1970, 2101)
EXIT_REFUSED, EXIT_INTERRUPTED = 2, 130


class ExportError(Exception):
    """The message says what is wrong."""


def export(folder: Path, camera: str, begin_ns: int, end_ns: int, out: Path) -> list[str]:
    """Write a film; returns what is missing in it, in words. Raises ExportError."""
    if begin_ns >= end_ns:
        raise ExportError(
            f"--to: expected a time after --from, {iso_utc(begin_ns)}, got {iso_utc(end_ns)}"
        )
    if out.exists():
        raise ExportError(f"{out}: expected a file that is not there yet")
    parts = _find_parts(folder, camera, begin_ns, end_ns)
    draft = out.with_name(f".{out.name}.part")
    try:
        film = _write(draft, parts)
        if not film.packets:
            raise ExportError("; ".join(film.notes) or _nothing(camera, begin_ns, end_ns))
        check_whole(draft, film.packets, film.bytes)
        draft.rename(out)
    except OtherStream as error:
        raise ExportError(f"{error}: export up to there") from None
    except (WriteError, av.error.FFmpegError, OSError) as error:
        raise ExportError(f"{out}: cannot be written: {error.strerror}") from None
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()
    return _with_ends(film, begin_ns, end_ns)


def _find_parts(folder: Path, camera: str, begin_ns: int, end_ns: int) -> list[Part]:
    """Raises ExportError."""
    try:
        items = Listing(folder).overlapping(camera, Kind.CONTINUOUS, begin_ns, end_ns)
    except (FileNotFoundError, sqlite3.Error) as error:
        raise ExportError(f"{folder}: expected the folder of record.folder: {error}") from None
    if not items:
        raise ExportError(_nothing(camera, begin_ns, end_ns))
    following: list[Item | None] = [*items[1:], None]
    return [
        Part(folder / item.path, item.begin_ns, begin_ns, _end_of(item, after, end_ns))
        for item, after in zip(items, following, strict=True)
    ]


def _end_of(item: Item, after: Item | None, end_ns: int) -> int:
    if after is not None and item.end_ns - after.begin_ns > _OVERLAP_NS:
        return min(end_ns, after.begin_ns)
    return end_ns


def _write(path: Path, parts: Sequence[Part]) -> JoinedFilm:
    """Raises OtherStream, WriteError, FFmpegError, OSError. A part that cannot be read is noted."""
    options = {"movflags": "+faststart"}
    with av.open(str(path), "w", format="mp4", container_options=options) as target:
        film = JoinedFilm(target, [part.path for part in parts])
        for part in parts:
            try:
                film.add(part)
            except (av.error.FFmpegError, OSError) as error:
                film.notes.append(f"{part.path}: cannot be read to its end: {error.strerror}")
        film.end()
    return film


def _with_ends(film: JoinedFilm, begin_ns: int, end_ns: int) -> list[str]:
    """What is missing, before, in and after the film."""
    first_ns, last_ns = film.first_unix_ns, film.last_unix_ns
    assert first_ns is not None, "it has a picture"
    assert last_ns is not None, "it has a picture"
    before = [f"nothing is kept from {iso_utc(begin_ns)} to {iso_utc(first_ns)}"]
    after = [f"nothing is kept from {iso_utc(last_ns)} to {iso_utc(end_ns)}"]
    return [
        *(before if first_ns - begin_ns > GAP_NS else []),
        *film.notes,
        *(after if end_ns - last_ns > GAP_NS else []),
    ]


def _nothing(camera: str, begin_ns: int, end_ns: int) -> str:
    return f"{camera}: nothing is kept from {iso_utc(begin_ns)} to {iso_utc(end_ns)}"


def parse_time(text: str) -> int:
    """UNIX time in ns, of ISO 8601 with an offset."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None or at.year not in _YEARS:
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
        missing = export(options.folder, options.camera, options.begin, options.end, options.out)
    except ExportError as error:
        say_error(f"error: {error}")
        return EXIT_REFUSED
    except KeyboardInterrupt:
        say_error("interrupted")
        return EXIT_INTERRUPTED
    for note in missing:
        say_error(note)
    say(f"wrote {options.out} ({options.out.stat().st_size} bytes)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
