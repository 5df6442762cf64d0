"""Decoded images in one memory-mapped file, so that training never waits for a decoder.

A cache is written under another name and renamed when it is whole; an interrupted build goes on at
the first group (shard) that is not yet on disk.
Shapes: I images, S pixels per side -> (I, 3, S, S) uint8 BGR.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import cv2
import numpy as np
from tqdm import tqdm


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
    present = json.loads(path.with_suffix(".json").read_text())["present"]
    images = np.memmap(path, np.uint8, "r", shape=(len(source), 3, size, size))
    return CachedImages(images, np.array(present, bool))


def build(path: Path, source: PictureSource, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial, state_path = path.with_suffix(".partial"), path.with_suffix(".json")
    resumed = partial.exists() and state_path.exists()
    state: dict[str, Any] = {"groups": [], "present": [False] * len(source)}
    if resumed:
        state = json.loads(state_path.read_text())
    mode = "r+" if resumed else "w+"
    images = np.memmap(partial, np.uint8, mode, shape=(len(source), 3, size, size))
    todo = [group for group in source.groups() if group not in state["groups"]]
    for group in tqdm(todo, desc=f"cache {source.name} at {size}", unit="group"):
        for picture in source.read(group):
            if picture.image is not None:
                images[picture.row] = warp(picture.image, size)
                state["present"][picture.row] = True
        images.flush()
        state["groups"].append(group)
        write_json(state_path, state)
    write_json(state_path, state)
    partial.replace(path)


def write_json(path: Path, value: object) -> None:
    partial = path.with_suffix(".json.partial")
    partial.write_text(json.dumps(value))
    partial.replace(path)
