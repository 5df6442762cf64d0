"""Images with labels as YOLO's tools keep them: images/ and labels/, a text file for each image.

A line of a text file is a class number and a box: centre, width and height as parts of the image.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np

from models.data.annotated_images import AnnotatedImage, AnnotatedImages, Annotation
from models.data.report import DataError, DataReport

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
IMAGES, LABELS = "images", "labels"
NAME_FILES = ("data.yaml", "dataset.yaml")
NUMBERS = 5  # of a box; more are an outline


def read_yolo_folder(folder: Path, report: DataReport) -> AnnotatedImages:
    """Raises DataError: no images, no class names, or a label file of another form."""
    names = read_names(folder)
    root = folder / IMAGES
    files = sorted(path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise DataError(f"{root}: expected images ({', '.join(SUFFIXES)}), found none")
    images: list[AnnotatedImage] = []
    annotations: list[Annotation] = []
    for path in files:
        pixels = cv2.imdecode(np.frombuffer(path.read_bytes() or b"0", np.uint8), cv2.IMREAD_COLOR)
        if pixels is None:
            report.add("unreadable image", str(path))
            continue
        place = path.relative_to(root)
        height, width = pixels.shape[:2]
        image = AnnotatedImage(len(images) + 1, str(place), width, height)
        images.append(image)
        annotations += read_boxes(folder / LABELS / place.with_suffix(".txt"), image, names)
    numbered = {number: name for number, name in enumerate(names, 1)}
    return AnnotatedImages(folder.name, folder, root, images, annotations, numbered)


def read_names(folder: Path) -> Sequence[str]:
    """The classes of data.yaml, or of labels.txt, in their order."""
    for name in NAME_FILES:
        path = folder / name
        if path.exists():
            return names_of(path)
    path = folder / "labels.txt"
    if path.exists():
        return [line.strip() for line in path.read_text().splitlines() if line.strip()]
    raise DataError(f"{folder}: expected class names in {NAME_FILES[0]} or labels.txt, found none")


def names_of(path: Path) -> Sequence[str]:
    try:
        content: Any = msgspec.yaml.decode(path.read_bytes())
        names = content["names"]
        found = [names[number] for number in range(len(names))]
    except (msgspec.DecodeError, KeyError, TypeError, IndexError) as error:
        raise DataError(f"{path}: expected `names`, a list or numbers from 0: {error!r}") from error
    return [str(name) for name in found]


def read_boxes(path: Path, image: AnnotatedImage, names: Sequence[str]) -> list[Annotation]:
    """The boxes of one image; none where it has no file."""
    if not path.exists():
        return []
    found = []
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        if not line.strip():
            continue
        try:
            class_id, *sides = (float(word) for word in line.split()[:NUMBERS])
            x, y, width, height = sides
        except ValueError:
            raise DataError(
                f"{path}:{number}: expected a class and four numbers, got {line!r}"
            ) from None
        if not class_id.is_integer() or not 0 <= class_id < len(names):
            raise DataError(
                f"{path}:{number}: expected a class from 0 to {len(names) - 1}, got {class_id:g}"
            )
        box = (
            (x - width / 2) * image.width, (y - height / 2) * image.height,
            width * image.width, height * image.height,
        )  # fmt: skip
        found.append(Annotation(image_id=image.id, category_id=int(class_id) + 1, bbox=box))
    return found
