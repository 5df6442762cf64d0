"""Films of packets, and what FFmpeg reads in them."""

import io
from collections.abc import Sequence
from typing import Any

import av

from pipeline.service import Packet, Track
from stages.services.media.remuxer import Remuxer


def make_film(
    tracks: Sequence[Track], packets: Sequence[Packet], size: int = 1
) -> tuple[Remuxer, bytes]:
    """A film with `size` pictures in each fragment, and what has made it."""
    remuxer = Remuxer(tracks, packets[0])
    parts = [packets[at : at + size] for at in range(0, len(packets), size)]
    return remuxer, remuxer.init.data + b"".join(map(remuxer.fragment, parts))


def decode(film: bytes) -> list[tuple[float, int]]:
    """Time in seconds and mean grey of each picture."""
    opened: Any = av.open(io.BytesIO(film))
    with opened as container:
        return [
            (float(frame.time), round(float(frame.to_ndarray(format="gray").mean())))
            for frame in container.decode(video=0)
        ]
