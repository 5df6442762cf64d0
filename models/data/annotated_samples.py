"""Samples of a VOC or COCO directory: its images decoded into the cache, its boxes as arrays."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from models.data.annotated_images import AnnotatedImage, AnnotatedImages
from models.data.image_cache import Picture, open_cache
from models.data.report import DataError, DataReport
from models.data.samples import LabelledBox, Samples, pad_boxes
from models.data.street11 import decode_image
from models.thundernet.matcher import IGNORE

IMAGES_PER_GROUP = 500  # what an interrupted build of the cache repeats at most


class FileSource:
    """The images as files, for the image cache."""

    def __init__(self, found: AnnotatedImages) -> None:
        self.name = found.name
        self.images = found.images
        self.paths = [found.folder / image.file_name for image in found.images]
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
    """BGR pixels (H, W, 3); None where no file decodes to the size that was annotated."""
    try:
        frame = decode_image(np.fromfile(path, np.uint8))
    except OSError:
        return None
    if frame is None or frame.shape[:2] != (expected.height, expected.width):
        return None
    return frame


def load_samples(
    found: AnnotatedImages, labels: Sequence[str], cache: Path, size: int, report: DataReport
) -> Samples:
    """Every image warped to `size` with its boxes, in the order of `found.images`.

    Categories outside `labels` become regions to ignore.
    """
    classes = class_of_category(found, labels, report)
    by_id = {image.id: image for image in found.images}
    boxes: dict[int, list[LabelledBox]] = defaultdict(list)
    for annotation in found.annotations:
        image = by_id[annotation.image_id]
        known = classes.get(annotation.category_id, IGNORE)
        label = IGNORE if annotation.iscrowd else known
        boxes[image.id].append(LabelledBox(label, parts_of_image(annotation.bbox, image)))
    if not found.images:
        raise DataError(f"{found.path}: expected at least one usable image, found none")
    cached = open_cache(cache, FileSource(found), size)
    names = [image.file_name for image in found.images]
    for name, present in zip(names, cached.present, strict=True):
        if not present:
            report.add("image missing, unreadable or of another size", name)
    padded, box_labels = pad_boxes([boxes[image.id] for image in found.images])
    labelled = np.ones((len(names), len(labels)), bool)
    sources = [found.name] * len(names)
    return Samples(names, sources, padded, box_labels, labelled, cached.present, cached.images)


def class_of_category(
    found: AnnotatedImages, labels: Sequence[str], report: DataReport
) -> dict[int, int]:
    """Category id -> class 1..K in the order of `labels`."""
    absent = sorted(set(labels) - set(found.categories.values()))
    if absent:
        raise DataError(f"{found.path}: expected categories {list(labels)}, lacks {absent}")
    classes = {}
    for category_id, name in found.categories.items():
        if name in labels:
            classes[category_id] = labels.index(name) + 1
        else:
            report.add("category that the network lacks, ignored", name)
    return classes


def parts_of_image(
    bbox: tuple[float, float, float, float], image: AnnotatedImage
) -> tuple[float, float, float, float]:
    """xyxy in parts of the image, cut at its border."""
    x, y, width, height = bbox
    x1, x2 = (min(max(edge / image.width, 0.0), 1.0) for edge in (x, x + width))
    y1, y2 = (min(max(edge / image.height, 0.0), 1.0) for edge in (y, y + height))
    return x1, y1, x2, y2
