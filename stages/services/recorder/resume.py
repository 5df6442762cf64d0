"""What a process that is gone has left unfinished: completed, and told to those who go on."""

import sqlite3
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import av
import av.error

from pipeline.client import EventMessage
from pipeline.logger import logger
from stages.services.archive.archive import Archive
from stages.services.archive.layout import NS, Kind, iso_utc
from stages.services.archive.reconcile import guess_sidecar
from stages.services.archive.retention import Limits
from stages.services.archive.sidecar import Sidecar, read_sidecar
from stages.services.recorder.beat import Beat, unheard
from stages.services.recorder.finisher import Finisher
from stages.services.recorder.unfinished import Left, Unfinished

_LOOK_S = 0.02  # between two looks at what is finished


def find_left(archive: Archive, beat: Beat = unheard) -> list[Left]:
    """The films that are open, in the order of their ends. Those without a picture go.

    Nothing is noted of them before `Unfinished` has its turn: who is killed meanwhile has the next
    one do the same.
    """
    found = []
    for item in archive.index.open_items():
        beat()
        path = archive.folder / item.path
        seconds = film_seconds(path)
        if seconds is None:
            _remove(archive, path)
            continue
        sidecar = read_sidecar(path) or guess_sidecar(item.kind, item.camera, path)
        is_cut = not sidecar.ended
        if is_cut:
            _end(sidecar, seconds)
        found.append(Left(path, sidecar, is_cut))
    return sorted(found, key=lambda each: each.sidecar.end_unix_ns)


def last_parts(left: Iterable[Left], closed: Iterable[Sidecar] = ()) -> list[Sidecar]:
    """What was written last of each clip that goes on.

    That is one in which a process was killed, which it has left, or of which it could not write
    more: then all its parts may be `closed`. Two rules may have begun theirs with the same event.
    """
    parts = [(film.sidecar, film.is_cut) for film in left if film.sidecar.kind is Kind.CLIP]
    parts += [(sidecar, False) for sidecar in closed]
    parts.sort(key=lambda each: each[0].part)
    last = {(sidecar.why, sidecar.group): (sidecar, is_cut) for sidecar, is_cut in parts}
    return [sidecar for sidecar, is_cut in last.values() if is_cut or sidecar.goes_on]


def _remove(archive: Archive, path: Path) -> None:
    """A folder that cannot be written keeps it; the next start tries it again."""
    try:
        archive.remove(path)
    except OSError as error:
        logger.warning("{}: cannot be removed: {}", path, error.strerror)


def _end(sidecar: Sidecar, seconds: float) -> None:
    """Note the end of a film whose process was killed."""
    sidecar.open = sidecar.ended = True
    sidecar.end_unix_ns = sidecar.begin_unix_ns + round(seconds * NS)
    sidecar.end = iso_utc(sidecar.end_unix_ns)
    sidecar.notes.append("ends with the process that wrote it")
    if sidecar.kind is Kind.CLIP:
        sidecar.thumbnail_s = 0.0


class Told(NamedTuple):
    """What is in clips that a process before this one has begun."""

    rules: Mapping[tuple[str, str, int], Collection[str]]  # by run, camera and number of an event
    groups: Collection[str]

    def rules_of(self, event: EventMessage) -> Collection[str]:
        """Those whose clips have the event."""
        return self.rules.get((event.run, event.camera, event.seq), ())


NOTHING_TOLD = Told({}, ())


def clips_since(archive: Archive, since_ns: int) -> list[Sidecar]:
    """Of those that go on or ended since then."""
    paths = archive.index.paths_since(Kind.CLIP, since_ns)
    found = (read_sidecar(archive.folder / path) for path in paths)
    return [sidecar for sidecar in found if sidecar is not None]


def told_in(clips: Iterable[Sidecar]) -> Told:
    """What clips tell."""
    rules = defaultdict[tuple[str, str, int], set[str]](set)
    groups = set[str]()
    for sidecar in clips:
        groups.add(sidecar.group)
        for event in sidecar.events:
            rules[event.run, event.camera, event.seq].add(sidecar.why)
    return Told(rules, groups)


def finish_films(folder: Path, patience_s: float) -> None:
    """Finish what a recorder has left that has ended, for so long; its successor does the rest."""
    try:
        archive = Archive(folder, Limits())
        finisher = Finisher()
        unfinished = Unfinished(archive, finisher)
        unfinished.put(find_left(archive))
        unfinished.take_turn()
        deadline_s = time.monotonic() + patience_s
        while not finisher.is_idle and time.monotonic() < deadline_s:
            time.sleep(_LOOK_S)
            unfinished.take_turn()
        archive.close()
    except (OSError, sqlite3.Error) as error:
        logger.warning("record.folder: {}: the last films are not finished: {}", folder, error)


def film_seconds(path: Path) -> float | None:
    """From the first picture to the last; None where there is none."""
    times = []
    try:
        with av.open(str(path)) as film:
            stream = film.streams.video[0]
            for packet in film.demux(stream):
                if packet.size and packet.pts is not None and packet.time_base is not None:
                    times.append(float(packet.pts * packet.time_base))
    except (av.error.FFmpegError, OSError, IndexError):
        pass  # as far as it can be read
    return max(times) - min(times) if times else None
