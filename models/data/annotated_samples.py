"""Samples of a data set: its images decoded into the cache, its boxes as arrays."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.data.annotated_images import AnnotatedImage, AnnotatedImages
from models.data.image_cache import open_cache
from models.data.image_files import find_images
from models.data.report import DataError, DataReport
from models.data.samples import LabelledBox, Samples, pad_boxes
from models.thundernet.ground_truth import IGNORE


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
    cached = open_cache(cache, find_images(found, report), size)
    names = [image.file_name for image in found.images]
    for name, present in zip(names, cached.present, strict=True):
        if not present:
            report.add("image missing, unreadable or of another size", name)
    padded, box_labels = pad_boxes([boxes[image.id] for image in found.images])
    labelled = labelled_classes(found.images, classes, len(labels))
    sources = [image.source or found.name for image in found.images]
    return Samples(names, sources, padded, box_labels, labelled, cached.present, cached.images)


def labelled_classes(
    images: Sequence[AnnotatedImage], classes: dict[int, int], count: int
) -> np.ndarray:
    """Which classes are annotated exhaustively in each image, (I, K)."""
    labelled = np.zeros((len(images), count), bool)
    for row, image in enumerate(images):
        category_ids = image.labelled_category_ids
        for category_id in classes if category_ids is None else category_ids:
            if category_id in classes:
                labelled[row, classes[category_id] - 1] = True
    return labelled


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
