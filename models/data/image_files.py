"""Images of a data set for the image cache: files in a folder, or members of tars."""

import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from models.data.annotated_images import AnnotatedImage, AnnotatedImages
from models.data.image_cache import Picture, PictureSource
from models.data.report import DataError, DataReport

IMAGES_PER_GROUP = 500  # what an interrupted build of the cache repeats at most


def find_pictures(found: AnnotatedImages, report: DataReport) -> PictureSource:
    """Where the images of the set are; a damaged shard is named in `report` when it is read."""
    return ShardSource(found, report) if found.folder is None else FileSource(found, found.folder)


class FileSource:
    """The images of a set as files in a folder."""

    def __init__(self, found: AnnotatedImages, folder: Path) -> None:
        self.name = found.name
        self.images = found.images
        self.paths = [folder / image.file_name for image in found.images]
        # With sizes, so that files which appear or change later are not taken from an old cache.
        self.identity = "\n".join(
            f"{image.file_name}:{path.stat().st_size if path.is_file() else 'missing'}"
            for image, path in zip(found.images, self.paths, strict=True)
        )

    def __len__(self) -> int:
        return len(self.paths)

    def groups(self) -> Sequence[str]:
        return [str(first) for first in range(0, len(self.paths), IMAGES_PER_GROUP)]

    def read(self, group: str) -> Iterator[Picture]:
        first = int(group)
        for row, path in enumerate(self.paths[first : first + IMAGES_PER_GROUP], first):
            yield Picture(row, read_image(path, self.images[row]))


def read_image(path: Path, expected: AnnotatedImage) -> np.ndarray | None:
    try:
        return decode_annotated(np.fromfile(path, np.uint8), expected)
    except OSError:
        return None


class ShardSource:
    """The images of a set whose tars lie beside its annotations, read shard by shard."""

    def __init__(self, found: AnnotatedImages, report: DataReport) -> None:
        self.name = f"{found.path.parent.name}-{found.name}"
        paths = sorted(found.path.parent.glob(f"{found.name}-[0-9]*.tar"))
        if not paths:
            raise DataError(f"{found.path}: expected shards {found.name}-NN.tar beside it")
        self.shards = {path.name: path for path in paths}
        self.images = found.images
        names = [image.file_name for image in found.images]
        sizes = [f"{path.name}:{path.stat().st_size}" for path in paths]
        self.identity = "\n".join([*sizes, *names])
        self.rows = {name: row for row, name in enumerate(names)}
        self.report = report

    def __len__(self) -> int:
        return len(self.images)

    def groups(self) -> Sequence[str]:
        return list(self.shards)

    def read(self, group: str) -> Iterator[Picture]:
        try:
            with tarfile.open(self.shards[group]) as shard:
                for member in shard:
                    if member.name in self.rows and (file := shard.extractfile(member)):
                        data = np.frombuffer(file.read(), np.uint8)
                        row = self.rows[member.name]
                        yield Picture(row, decode_annotated(data, self.images[row]))
        except (tarfile.TarError, EOFError, OSError) as error:
            # What the shard held so far is used; its other images count as missing.
            self.report.add("damaged shard", f"{group}: {error}")


def decode_image(data: np.ndarray) -> np.ndarray | None:
    if not data.size:
        return None
    try:
        return cv2.imdecode(data, cv2.IMREAD_COLOR)
    except cv2.error:
        return None


def decode_annotated(data: np.ndarray, expected: AnnotatedImage) -> np.ndarray | None:
    """BGR pixels (H, W, 3); None where the bytes are no image of the size that was annotated."""
    frame = decode_image(data)
    if frame is None or frame.shape[:2] != (expected.height, expected.width):
        return None
    return frame
