"""Where the pixels of a training image come from: its file, or a cache of decoded images."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from models.data.image_cache import CachedImages, open_cache
from models.data.image_files import LoadedImage, decode_image
from models.train.classification.class_folders import LabelledFiles

IMAGES_PER_GROUP = 20_000  # what an interrupted build of the cache repeats at most
IMAGES_AT_ONCE = 256  # decoded, and not yet written


class Frame(NamedTuple):
    pixels: np.ndarray  # (H, W, 3) uint8 BGR
    wh: tuple[int, int]  # of the photograph, which a cache has warped to a square


class Frames(Protocol):
    """Images that any thread may read."""

    def read(self, row: int) -> Frame | None: ...


def read_pixels(path: str) -> np.ndarray | None:
    try:
        return decode_image(np.fromfile(path, np.uint8))
    except OSError:
        return None


def size_of(path: str) -> int | None:
    try:
        return os.stat(path).st_size
    except OSError:  # a link to nowhere, say: counted when it is to be read
        return None


class FileFrames:
    """Decoded from the file whenever one is read."""

    def __init__(self, files: LabelledFiles) -> None:
        self.files = files

    def read(self, row: int) -> Frame | None:
        pixels = read_pixels(self.files.path(row))
        return None if pixels is None else Frame(pixels, (pixels.shape[1], pixels.shape[0]))


class CachedFrames:
    """Read from the cache, without a decoder."""

    def __init__(self, cached: CachedImages) -> None:
        self.cached = cached

    def read(self, row: int) -> Frame | None:
        if not self.cached.present[row]:
            return None
        width, height = self.cached.wh[row].tolist()
        pixels = np.ascontiguousarray(self.cached.images[row].transpose(1, 2, 0))
        return Frame(pixels, (width, height))


class FolderSource:
    """The files of a split for the image cache."""

    def __init__(self, files: LabelledFiles, name: str, workers: int) -> None:
        self.files, self.name, self.workers = files, name, workers
        self.identity = "\n".join(
            f"{name}:{size_of(files.path(row))}" for row, name in enumerate(files.names)
        )

    def __len__(self) -> int:
        return len(self.files.names)

    def groups(self) -> Sequence[str]:
        return [str(first) for first in range(0, len(self), IMAGES_PER_GROUP)]

    def read(self, group: str) -> Iterator[LoadedImage]:
        first = int(group)
        last = min(first + IMAGES_PER_GROUP, len(self))
        with ThreadPoolExecutor(self.workers) as pool:
            for start in range(first, last, IMAGES_AT_ONCE):
                rows = range(start, min(start + IMAGES_AT_ONCE, last))
                decoded = pool.map(read_pixels, map(self.files.path, rows))
                yield from map(LoadedImage, rows, decoded)


def open_frames(
    files: LabelledFiles, name: str, cache: str | None, size: int, workers: int
) -> Frames:
    if cache is None:
        return FileFrames(files)
    return CachedFrames(open_cache(Path(cache), FolderSource(files, name, workers), size))
