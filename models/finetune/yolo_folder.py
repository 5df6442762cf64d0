"""Images with labels as YOLO's tools keep them: images/ and labels/, a text file for each image.

A line of a text file is a class number and a box (centre, width and height) or the points of an
outline (x, y, x, y, ...), all as parts of the image. Of a set of poses, whose data.yaml has
`kpt_shape`, it is a box and key points, which are left out.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from models.data.annotated_images import (
    AnnotatedImage,
    AnnotatedImages,
    Annotation,
    keep_usable,
)
from models.data.image_files import decode_image
from models.data.report import DataError, DataReport

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
IMAGES, LABELS = "images", "labels"
NAME_FILES = ("data.yaml", "dataset.yaml")
BOX, POINT = 4, 2  # numbers of a box, and of a point
FEWEST_POINTS = 3  # of an outline
ROUNDING = 0.01  # how far out of the image a number may be written


class YoloFile(msgspec.Struct, frozen=True):
    """What is used of data.yaml. Names may be numbers; `yes` without quotes is no name in YAML."""

    names: list[str | int] | dict[int, str | int]
    kpt_shape: Any = None


class Classes(NamedTuple):
    names: Sequence[str]
    has_key_points: bool = False


def read_yolo_folder(folder: Path, report: DataReport) -> AnnotatedImages:
    """The images and their boxes; what is left out of them is named in `report`.

    Raises:
        DataError: no images, no class names, or a label file of another form.
    """
    classes = read_classes(folder)
    root = folder / IMAGES
    files = find_image_files(root, report)
    images: list[AnnotatedImage] = []
    annotations: list[Annotation] = []
    used = set()
    for path in files:
        place = path.relative_to(root)
        label_file = folder / LABELS / place.with_suffix(".txt")
        used.add(label_file)
        pixels = decode_image(np.fromfile(path, np.uint8))
        if pixels is None:
            report.add("unreadable image", str(path))
            continue
        height, width = pixels.shape[:2]
        image = AnnotatedImage(len(images) + 1, str(place), width, height)
        images.append(image)
        annotations += read_boxes(label_file, image, classes)
    for path in sorted((folder / LABELS).rglob("*.txt")):
        if path not in used and path.name != "classes.txt":  # labelImg's list of names
            report.add("label file without an image", str(path))
    numbered = {number: name for number, name in enumerate(classes.names, 1)}
    return keep_usable(
        AnnotatedImages(folder.name, folder, root, images, annotations, numbered), report
    )


def find_image_files(root: Path, report: DataReport) -> list[Path]:
    files = [path for path in sorted(root.rglob("*")) if path.is_file()]
    images = [path for path in files if path.suffix.lower() in SUFFIXES]
    others = [path for path in files if path.suffix.lower() not in SUFFIXES]
    kinds = ", ".join(SUFFIXES)
    if not images:
        found = f"{len(others)} other files, such as {others[0]}" if others else "none"
        raise DataError(f"{root}: expected images ({kinds}), found {found}")
    for path in others:
        report.add(f"file of another kind than {kinds}", str(path))
    return images


def read_classes(folder: Path) -> Classes:
    """The classes of data.yaml, or of labels.txt, in their order."""
    for name in NAME_FILES:
        path = folder / name
        if path.exists():
            return classes_of(path)
    path = folder / "labels.txt"
    if path.exists():
        return Classes([line.strip() for line in read_lines(path) if line.strip()])
    raise DataError(f"{folder}: expected class names in {NAME_FILES[0]} or labels.txt, found none")


def classes_of(path: Path) -> Classes:
    try:
        content = msgspec.yaml.decode(path.read_bytes(), type=YoloFile)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path}: expected `names`, a list of names or a mapping of numbers from 0 to names, "
            f"true and false in quotes: {error!r}"
        ) from error
    names = content.names
    if isinstance(names, dict):
        # Some tools write COCO's ids here and in the label files: findings/labelformat-*.sh
        if sorted(names) != list(range(len(names))):
            numbers = ", ".join(map(str, sorted(names)))
            raise DataError(
                f"{path}: names: expected the numbers 0 to {len(names) - 1}, got {numbers}"
            )
        names = [names[number] for number in range(len(names))]
    return Classes([str(name) for name in names], content.kpt_shape is not None)


def read_lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: expected UTF-8: {error}") from error


def read_boxes(path: Path, image: AnnotatedImage, classes: Classes) -> list[Annotation]:
    """The boxes of one image; none where it has no file."""
    if not path.exists():
        return []
    found = []
    for number, line in enumerate(read_lines(path), 1):
        if not line.strip():
            continue
        place = f"{path}:{number}"
        class_id, *numbers = read_numbers(place, line)
        if not class_id.is_integer() or not 0 <= class_id < len(classes.names):
            last = len(classes.names) - 1
            raise DataError(f"{place}: expected a class from 0 to {last}, got {class_id:g}")
        left, top, right, bottom = corners_of(place, numbers, classes.has_key_points)
        box = (
            left * image.width, top * image.height,
            (right - left) * image.width, (bottom - top) * image.height,
        )  # fmt: skip
        found.append(Annotation(image_id=image.id, category_id=int(class_id) + 1, bbox=box))
    return found


def read_numbers(place: str, line: str) -> list[float]:
    try:
        numbers = [float(word) for word in line.split()]
    except ValueError:
        numbers = []
    if not numbers or not all(map(math.isfinite, numbers)):
        raise DataError(f"{place}: expected a class and the numbers of a box, got {line!r}")
    return numbers


def corners_of(
    place: str, numbers: Sequence[float], has_key_points: bool
) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a box, or of what is around an outline."""
    if has_key_points:
        numbers = numbers[:BOX]
    is_outline = len(numbers) >= FEWEST_POINTS * POINT and len(numbers) % POINT == 0
    if len(numbers) != BOX and not is_outline:
        raise DataError(
            f"{place}: expected a class and four numbers of a box, or two for each of "
            f"{FEWEST_POINTS} or more points of an outline, got {len(numbers)} behind the class"
        )
    if not all(-ROUNDING <= each <= 1 + ROUNDING for each in numbers):
        outside = next(each for each in numbers if not -ROUNDING <= each <= 1 + ROUNDING)
        raise DataError(f"{place}: expected parts of the image from 0 to 1, got {outside:g}")
    if is_outline:
        xs, ys = numbers[::POINT], numbers[1::POINT]
        return min(xs), min(ys), max(xs), max(ys)
    x, y, width, height = numbers
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2
