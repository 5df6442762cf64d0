"""A teacher's maps of numbered views, in one memory-mapped file that grows.

A channel is stored as its distance from its mean in standard deviations, in 8 bits. Beside the file
lies what has been learned of the channels, and how many batches are whole: an interrupted build
goes on there, and so does one that asks for more views than the last.

Shapes: V views, N per batch; map k of a view (C_k, h_k, w_k), all of them B bytes.
"""

import hashlib
from pathlib import Path

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from models.data.image_cache import check_space
from models.sole_writer import waiting
from models.train.hints.channels import CLIP, mean_and_deviation
from models.train.hints.teacher import Map, Onlooker, teacher_files
from models.train.hints.teacher_config import CachedTeacherConfig
from models.train.hints.views import Views

STATISTICS_VIEWS = 256  # that the channels are known from
FLUSH_BATCHES = 8  # what an interruption loses at most

Shape = tuple[int, int, int]


class Statistics(msgspec.Struct):
    """Of one map."""

    shape: Shape
    mean: list[float]  # by channel
    std: list[float]

    def quantise(self, found: Map) -> NDArray[np.int8]:
        mean, std = (np.array(x, np.float32)[:, None, None] for x in (self.mean, self.std))
        steps = (found - mean) / std * (127 / CLIP)
        stored: NDArray[np.int8] = np.clip(np.rint(steps), -127, 127).astype(np.int8)
        return stored


class State(msgspec.Struct):
    maps: list[Statistics]
    batches: int = 0  # that are whole

    @property
    def row(self) -> int:
        """Bytes of a view."""
        return sum(int(np.prod(each.shape)) for each in self.maps)


class HintCache:
    """The maps of batches 0 to `count` - 1."""

    def __init__(self, path: Path, shapes: list[Shape], count: int, batch_size: int) -> None:
        self.shapes, self.count, self.batch_size = shapes, count, batch_size
        row = sum(int(np.prod(shape)) for shape in shapes)
        self.rows = np.memmap(path, np.int8, "r", shape=(count * batch_size, row))

    def batch(self, number: int) -> list[Tensor]:
        """Each map of the views of batch `number`: (N, C, h, w) int8, see `dequantise`."""
        first = number * self.batch_size
        rows = torch.from_numpy(np.array(self.rows[first : first + self.batch_size]))
        parts = rows.split([int(np.prod(shape)) for shape in self.shapes], dim=1)
        return [part.reshape(-1, *shape) for part, shape in zip(parts, self.shapes, strict=True)]


def dequantise(stored: Tensor) -> Tensor:
    """Distances from the mean in standard deviations."""
    return stored.float().mul_(CLIP / 127)


def cache_path(folder: Path, views: Views, config: CachedTeacherConfig) -> Path:
    digest = hashlib.sha256(views.identity.encode())
    asked = [config.size, config.pixel_mean, config.pixel_std, [h.tensor for h in config.hints]]
    digest.update(msgspec.json.encode(asked))
    for file in teacher_files(Path(config.file)):
        digest.update(file.read_bytes())
    return folder / f"hints-{Path(config.file).stem}-{digest.hexdigest()[:12]}.i8"


def open_hints(
    folder: Path, views: Views, config: CachedTeacherConfig, count: int, threads: int
) -> HintCache:
    """The maps of `count` batches; what is not there yet is asked of the teacher first.

    Raises:
        ConfigError: the teacher cannot be run, or has other maps than `config` says.
        DataError: the disk is too small.
    """
    path = cache_path(folder, views, config)
    size = views.batches.batch_size
    state = read_state(path, size)
    if state is None or state.batches < count:
        with waiting(path):
            state = read_state(path, size)  # another run may have asked the teacher meanwhile
            if state is None or state.batches < count:
                state = extend(path, state, Looking(views, config, threads), count)
    return HintCache(path, [each.shape for each in state.maps], count, size)


class Looking:
    """A teacher in front of views."""

    def __init__(self, views: Views, config: CachedTeacherConfig, threads: int) -> None:
        self.views, self.config, self.onlooker = views, config, Onlooker(config, threads)

    def maps(self, number: int) -> list[list[Map]]:
        """By view of batch `number`, every map."""
        return self.onlooker.maps(self.views.images(number, self.config.size))

    def statistics(self, count: int) -> list[Statistics]:
        """Of the first views, or of `count` batches if these are fewer."""
        needed = -(-STATISTICS_VIEWS // self.views.batches.batch_size)
        by_view = [maps for number in range(min(count, needed)) for maps in self.maps(number)]
        return [describe(np.stack(maps)) for maps in zip(*by_view, strict=True)]


def describe(maps: NDArray[np.float32]) -> Statistics:
    """Of one map in some views, (V, C, h, w)."""
    channels, height, width = maps.shape[1:]
    mean, std = mean_and_deviation(maps.swapaxes(0, 1).reshape(channels, -1))
    return Statistics((channels, height, width), mean.tolist(), std.tolist())


def read_state(path: Path, batch_size: int) -> State | None:
    """What is known of a cache; a file that was cut off has fewer batches than were written."""
    state_path = path.with_suffix(".json")
    if not path.exists() or not state_path.exists():
        return None
    state = msgspec.json.decode(state_path.read_bytes(), type=State)
    state.batches = min(state.batches, path.stat().st_size // (state.row * batch_size))
    return state


def write_state(path: Path, state: State) -> None:
    partial = path.with_suffix(".json.partial")
    partial.write_bytes(msgspec.json.encode(state))
    partial.replace(path.with_suffix(".json"))


def extend(path: Path, state: State | None, looking: Looking, count: int) -> State:
    """Asks the teacher for the batches up to `count` that are not there."""
    if state is None:
        state = State(looking.statistics(count))
    size = looking.views.batches.batch_size
    needed = count * size * state.row
    check_space(path, needed, "a teacher's maps")
    with path.open("ab") as file:
        file.truncate(needed)
    rows = np.memmap(path, np.int8, "r+", shape=(count * size, state.row))
    bar = tqdm(
        range(state.batches, count),
        desc=f"maps of {Path(looking.config.file).stem}",
        unit="batch",
        initial=state.batches,
        total=count,
    )
    for number in bar:
        for row, maps in enumerate(looking.maps(number), number * size):
            stored = [known.quantise(each) for known, each in zip(state.maps, maps, strict=True)]
            rows[row] = np.concatenate([each.reshape(-1) for each in stored])
        if (number + 1) % FLUSH_BATCHES == 0 or number + 1 == count:
            rows.flush()
            state.batches = number + 1
            write_state(path, state)
    return state
