"""Decoded images in one memory-mapped file, so that training never waits for a decoder.

A cache is written under another name and renamed when it is whole; an interrupted build goes on at
the first group (shard) that is not yet on disk. Of several processes one builds, the others wait.
Shapes: I images, S pixels per side -> (I, 3, S, S) uint8 BGR.
"""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from models.data.image_files import BgrImage, ImageSource
from models.data.report import DataError
from models.sole_writer import waiting
from stages.kernels.resize import warp_into

BLOCK = 512  # bytes, the unit of st_blocks (POSIX)


class CachedImages(NamedTuple):
    images: NDArray[np.uint8]  # (I, 3, S, S), a read-only map
    present: NDArray[np.bool_]  # (I,); False where no image could be read
    # (I, 2) size before warping; 0 where no image could be read, or the cache is an old one
    wh: NDArray[np.int64]


def warp(frame: BgrImage, size: int) -> NDArray[np.uint8]:
    """The frame (H, W, 3) as the detector sees it at run time: a square in planes, (3, S, S)."""
    tensor = np.empty((size, size, 3), np.uint8)
    warp_into(frame, tensor)
    return tensor.transpose(2, 0, 1)


def cache_path(folder: Path, source: ImageSource, size: int) -> Path:
    digest = hashlib.sha256(f"{source.identity}/{len(source)}".encode()).hexdigest()[:12]
    return folder / f"{source.name}-{size}-{digest}.u8"


def open_cache(folder: Path, source: ImageSource, size: int) -> CachedImages:
    """The cache of `source`, built first where it does not exist."""
    path = cache_path(folder, source, size)
    if not path.exists():
        with waiting(partial := path.with_suffix(".partial")):
            if not path.exists():  # whoever held it has not built it
                build(path, partial, source, size)
    state = json.loads(path.with_suffix(".json").read_text())
    images = np.memmap(path, np.uint8, "r", shape=(len(source), 3, size, size))
    wh = np.array(state.get("wh", no_sizes(source)), np.int64)
    return CachedImages(images, np.array(state["present"], bool), wh)


def no_sizes(source: ImageSource) -> list[list[int]]:
    return [[0, 0]] * len(source)


def build(path: Path, partial: Path, source: ImageSource, size: int) -> None:
    """`partial` is there: empty, or what an interrupted build has left."""
    state_path = path.with_suffix(".json")
    resumed = partial.stat().st_size > 0 and state_path.exists()
    state: dict[str, Any] = {"groups": [], "present": [False] * len(source)}
    if resumed:
        state = json.loads(state_path.read_text())
    state.setdefault("wh", no_sizes(source))
    check_space(partial, len(source) * 3 * size**2, "decoded images")
    mode: Literal["r+", "w+"] = "r+" if resumed else "w+"
    images = np.memmap(partial, np.uint8, mode, shape=(len(source), 3, size, size))
    todo = [group for group in source.groups() if group not in state["groups"]]
    for group in tqdm(todo, desc=f"cache {source.name} at {size}", unit="group"):
        for row, frame, *_ in source.read(group):
            if frame is not None:
                images[row] = warp(frame, size)
                state["present"][row] = True
                state["wh"][row] = [frame.shape[1], frame.shape[0]]
        images.flush()
        state["groups"].append(group)
        write_json(state_path, state)
    write_json(state_path, state)
    partial.replace(path)


def check_space(path: Path, needed: int, what: str) -> None:
    """Raises DataError where the disk cannot hold the file: its pages would fail much later, and
    with a signal instead of an error.
    """
    there = path.stat().st_blocks * BLOCK if path.exists() else 0
    free = shutil.disk_usage(path.parent).free
    if needed - there > free:
        raise DataError(
            f"{path.parent}: expected {(needed - there) / 1e9:.1f} GB for {what}, "
            f"got {free / 1e9:.1f} GB free"
        )


def write_json(path: Path, value: object) -> None:
    partial = path.with_suffix(".json.partial")
    partial.write_text(json.dumps(value))
    partial.replace(path)
