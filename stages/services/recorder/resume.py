"""What a process that is gone has left unfinished: completed, and told to those who go on."""

from pathlib import Path

import av
import av.error

from stages.services.archive.archive import Archive
from stages.services.archive.layout import NS, Kind, iso_utc
from stages.services.archive.reconcile import guess_sidecar
from stages.services.archive.sidecar import Sidecar, read_sidecar
from stages.services.recorder.finisher import Finisher


def complete(archive: Archive, finisher: Finisher) -> list[Sidecar]:
    """Have the films finished that are open. Those without a picture go.

    Returns what is known of each, with its true end, in the order of their ends.
    """
    found = []
    for item in archive.index.open_items():
        path = archive.folder / item.path
        seconds = film_seconds(path)
        if seconds is None:
            archive.remove(path)
            continue
        sidecar = read_sidecar(path) or guess_sidecar(item.kind, item.camera, path)
        sidecar.open = True
        sidecar.end_unix_ns = sidecar.begin_unix_ns + round(seconds * NS)
        sidecar.end = iso_utc(sidecar.end_unix_ns)
        sidecar.notes.append("ends with the process that wrote it")
        archive.put(path, sidecar)
        finisher.put(path, sidecar, 0.0 if sidecar.kind is Kind.CLIP else None)
        found.append(sidecar)
    return sorted(found, key=lambda each: each.end_unix_ns)


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
