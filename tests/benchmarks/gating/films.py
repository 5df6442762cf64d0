"""Films on which little happens: drawn streets, and a clip whose empty seconds are repeated."""

from collections.abc import Hashable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Protocol

import av
import numpy as np
from numpy.typing import NDArray

from stages.kernels.pixels import Pixels
from stages.scene.street import Street, parse_scene_uri

FPS = 10
EMPTY = 0.9  # of the frames of a clip, and about so many of a street
LEAST_VISIBLE = 0.2  # less of an object than this no detector is asked for


class Objects(NamedTuple):
    """What shows in one frame: N objects."""

    keys: list[Hashable]  # one for each time that a body comes by
    labels: list[str]
    boxes_xyxy: NDArray[np.float32]  # (N, 4) in pixels


class Shot(NamedTuple):
    """One frame of a film."""

    seconds: float
    picture: Pixels
    objects: Objects | None  # None where nobody has written down what shows


class Film(Protocol):
    name: str

    def shots(self) -> Iterator[Shot]:
        """Frame after frame; each picture is valid until the next."""
        ...


class DrawnStreet:
    """A street in 720p, of which each body is out of sight for most of the time."""

    def __init__(self, seed: int, seconds: float, traffic: float = 0.01) -> None:
        self.name = f"street {seed}"
        self._uri = f"scene://street?seed={seed}&traffic={traffic}&fps={FPS}&seconds={seconds}"

    def shots(self) -> Iterator[Shot]:
        street = Street(parse_scene_uri(self._uri))
        picture = np.empty((street.options.height, street.options.width, 3), np.uint8)
        for index in range(street.frame_count or 0):
            street.draw(index, picture)
            yield Shot(index / FPS, picture, _shown(street, index))


def _shown(street: Street, index: int) -> Objects:
    seen = [thing for thing in street.truth(index) if thing.visible >= LEAST_VISIBLE]
    return Objects(
        [(thing.track_id, thing.passage) for thing in seen],
        [thing.label for thing in seen],
        np.array([thing.box_xyxy for thing in seen], np.float32).reshape(-1, 4),
    )


class ThinnedClip:
    """A clip, before which some of its own frames, in which nobody is, run back and forth.

    Args:
        empty: these frames.
        busy_frames: in how many frames of the clip something is tracked.
        frames: of the clip, from its beginning.
    """

    def __init__(self, path: Path, empty: range, busy_frames: int, frames: int) -> None:
        self.name = path.stem
        self._path, self._empty, self._frames = path, empty, frames
        self._repeats = round(busy_frames * EMPTY / (1 - EMPTY))

    def shots(self) -> Iterator[Shot]:
        with av.open(str(self._path)) as container:
            stream = container.streams.video[0]
            step_s = 1 / float(stream.average_rate or FPS)
            decoded = islice(container.decode(stream), self._frames)
            pictures = (np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in decoded)
            head = [next(pictures) for _ in range(self._empty.stop)]
            there = [head[index] for index in self._empty]
            loop = there + there[-2:0:-1]
            number = 0
            for number in range(self._repeats):
                yield Shot(number * step_s, loop[number % len(loop)], None)
            for later, picture in enumerate((*head, *pictures), start=number + 1):
                yield Shot(later * step_s, picture, None)
