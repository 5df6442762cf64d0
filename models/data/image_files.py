"""The images of a data set, read and checked: files in a folder, or members of tar shards.

Both training and evaluation read images here, so both leave out the same ones. An image that cannot
be used comes without pixels and with the reason; the caller decides what to report.
"""

import tarfile
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from models.data.report import DataError, DataReport

IMAGES_PER_GROUP = 500  # what an interrupted build of the cache repeats at most

BgrImage = NDArray[np.uint8]  # (H, W, 3)


class ListedImage(Protocol):
    """An image as the annotations describe it."""

    @property
    def file_name(self) -> str: ...

    @property
    def wh(self) -> tuple[int, int]:
        """Pixels."""


class ImageList(Protocol):
    """The images of an annotation file."""

    @property
    def name(self) -> str: ...

    @property
    def path(self) -> Path:
        """The annotation file; without a folder, its tars `<stem>-NN.tar` lie beside it."""

    @property
    def folder(self) -> Path | None:
        """What `file_name` of every image is relative to."""

    @property
    def images(self) -> Sequence[ListedImage]: ...


class LoadedImage(NamedTuple):
    row: int  # of the image in the list
    frame: BgrImage | None  # None where it cannot be used
    problem: str = ""  # why not, as the kind of a report's line
    detail: str = ""  # the image, and what is wrong with it


class ImageSource(Protocol):
    """Images in groups; reading a group again gives the same images."""

    @property
    def name(self) -> str: ...

    @property
    def identity(self) -> str:
        """Changes when the images do."""

    def __len__(self) -> int: ...

    def groups(self) -> Sequence[str]: ...

    def read(self, group: str) -> Iterator[LoadedImage]: ...


def find_images(listed: ImageList, report: DataReport) -> ImageSource:
    """Where the images of a data set are; damaged shards are named in `report` when they are read.

    Raises:
        DataError: there are neither a folder nor shards.
    """
    if listed.folder is None:
        return ShardSource(listed.path, listed.images, report)
    return FileSource(listed.name, listed.folder, listed.images)


class FileSource:
    """Images as files in a folder."""

    def __init__(self, name: str, folder: Path, images: Sequence[ListedImage]) -> None:
        self.name = name
        self.images = images
        self.paths = [folder / image.file_name for image in images]

    @cached_property
    def identity(self) -> str:
        # With sizes, so that files which appear or change later are not taken from an old cache.
        return "\n".join(
            f"{image.file_name}:{path.stat().st_size if path.is_file() else 'missing'}"
            for image, path in zip(self.images, self.paths, strict=True)
        )

    def __len__(self) -> int:
        return len(self.paths)

    def groups(self) -> Sequence[str]:
        return [str(first) for first in range(0, len(self.paths), IMAGES_PER_GROUP)]

    def read(self, group: str) -> Iterator[LoadedImage]:
        first = int(group)
        for row, path in enumerate(self.paths[first : first + IMAGES_PER_GROUP], first):
            image = self.images[row]
            try:
                data = np.fromfile(path, np.uint8)
            except OSError:
                yield LoadedImage(row, None, "missing image", image.file_name)
            else:
                yield check_image(row, image, data)


class ShardSource:
    """Images in tars beside the annotations, read shard by shard; absent ones are not yielded."""

    def __init__(self, path: Path, images: Sequence[ListedImage], report: DataReport) -> None:
        self.name = f"{path.parent.name}-{path.stem}"
        paths = sorted(path.parent.glob(f"{path.stem}-[0-9]*.tar"))
        if not paths:
            raise DataError(f"{path}: expected shards {path.stem}-NN.tar beside it")
        self.shards = {shard.name: shard for shard in paths}
        self.images = images
        self.rows = {image.file_name: row for row, image in enumerate(images)}
        self.report = report

    @cached_property
    def identity(self) -> str:
        sizes = [f"{name}:{path.stat().st_size}" for name, path in self.shards.items()]
        return "\n".join([*sizes, *(image.file_name for image in self.images)])

    def __len__(self) -> int:
        return len(self.images)

    def groups(self) -> Sequence[str]:
        return list(self.shards)

    def read(self, group: str) -> Iterator[LoadedImage]:
        try:
            with tarfile.open(self.shards[group]) as shard:
                for member in shard:
                    if member.name in self.rows and (file := shard.extractfile(member)):
                        row = self.rows[member.name]
                        data = np.frombuffer(file.read(), np.uint8)
                        yield check_image(row, self.images[row], data)
        except (tarfile.TarError, EOFError, OSError) as error:
            # What the shard held so far is used; its other images count as missing.
            self.report.add("damaged shard", f"{group}: {error}")


def check_image(row: int, image: ListedImage, data: NDArray[np.uint8]) -> LoadedImage:
    """The decoded image, unless it is broken or not the one that was annotated."""
    frame = decode_image(data)
    if frame is None:
        return LoadedImage(row, None, "unreadable image", image.file_name)
    wh = frame.shape[1], frame.shape[0]
    if wh != image.wh:
        detail = f"{image.file_name}: {image.wh}, got {wh[0]}x{wh[1]}"
        return LoadedImage(row, None, "image of another size", detail)
    return LoadedImage(row, frame)


def decode_image(data: NDArray[np.uint8]) -> BgrImage | None:
    """BGR pixels of an encoded image; None where the bytes are no image."""
    if not data.size:
        return None
    try:
        frame = cv2.imdecode(data, cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return None if frame is None else frame.astype(np.uint8, copy=False)
