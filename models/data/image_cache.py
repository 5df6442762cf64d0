"""Decoded images in one memory-mapped file, so that training never waits for a decoder.

A cache is written under another name and renamed when it is whole; an interrupted build goes on at
the first group (shard) that is not yet on disk.
Shapes: I images, S pixels per side -> (I, 3, S, S) uint8 BGR.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import cv2
import numpy as np
from tqdm import tqdm

from models.data.report import DataError

BLOCK = 512  # bytes, the unit of st_blocks (POSIX)


class Picture(NamedTuple):
    row: int
    image: np.ndarray | None  # (H, W, 3) uint8 BGR; None where it cannot be read


class PictureSource(Protocol):
    """Where a cache's images come from, in groups that can be repeated after an interruption."""

    name: str
    identity: str  # changes when the images do

    def __len__(self) -> int: ...

    def groups(self) -> Sequence[str]: ...

    def read(self, group: str) -> Iterator[Picture]: ...


class CachedImages(NamedTuple):
    images: np.ndarray  # (I, 3, S, S) uint8, read-only map
    present: np.ndarray  # (I,) bool; False where no image could be read
    wh: np.ndarray  # (I, 2) size before warping; 0 where not present, or the cache is an old one


def warp(image: np.ndarray, size: int) -> np.ndarray:
    """The image as the detector sees it at run time: a square, bilinear, (3, S, S)."""
    if image.shape[:2] != (size, size):
        image = cv2.resize(image, (size, size), interpolation=cv2.INTER_LINEAR)
    return image.transpose(2, 0, 1)


def cache_path(folder: Path, source: PictureSource, size: int) -> Path:
    digest = hashlib.sha256(f"{source.identity}/{len(source)}".encode()).hexdigest()[:12]
    return folder / f"{source.name}-{size}-{digest}.u8"


def open_cache(folder: Path, source: PictureSource, size: int) -> CachedImages:
    """The cache of `source`, built first where it does not exist."""
    path = cache_path(folder, source, size)
    if not path.exists():
        build(path, source, size)
    state = json.loads(path.with_suffix(".json").read_text())
    images = np.memmap(path, np.uint8, "r", shape=(len(source), 3, size, size))
    wh = np.array(state.get("wh", no_sizes(source)), np.int64)
    return CachedImages(images, np.array(state["present"], bool), wh)


def no_sizes(source: PictureSource) -> list[list[int]]:
    return [[0, 0]] * len(source)


def build(path: Path, source: PictureSource, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial, state_path = path.with_suffix(".partial"), path.with_suffix(".json")
    resumed = partial.exists() and state_path.exists()
    state: dict[str, Any] = {"groups": [], "present": [False] * len(source)}
    if resumed:
        state = json.loads(state_path.read_text())
    state.setdefault("wh", no_sizes(source))
    check_space(partial, len(source) * 3 * size**2)
    mode = "r+" if resumed else "w+"
    images = np.memmap(partial, np.uint8, mode, shape=(len(source), 3, size, size))
    todo = [group for group in source.groups() if group not in state["groups"]]
    for group in tqdm(todo, desc=f"cache {source.name} at {size}", unit="group"):
        for picture in source.read(group):
            if picture.image is not None:
                images[picture.row] = warp(picture.image, size)
                state["present"][picture.row] = True
                state["wh"][picture.row] = [picture.image.shape[1], picture.image.shape[0]]
        images.flush()
        state["groups"].append(group)
        write_json(state_path, state)
    write_json(state_path, state)
    partial.replace(path)


def check_space(path: Path, needed: int) -> None:
    """Raises DataError where the disk cannot hold the file: its pages would fail much later, and
    with a signal instead of an error.
    """
    there = path.stat().st_blocks * BLOCK if path.exists() else 0
    free = shutil.disk_usage(path.parent).free
    if needed - there > free:
        raise DataError(
            f"{path.parent}: expected {(needed - there) / 1e9:.1f} GB for decoded images, "
            f"got {free / 1e9:.1f} GB free"
        )


def write_json(path: Path, value: object) -> None:
    partial = path.with_suffix(".json.partial")
    partial.write_text(json.dumps(value))
    partial.replace(path)
