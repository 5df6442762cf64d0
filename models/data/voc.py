"""PASCAL VOC directories: Annotations/*.xml, ImageSets/Main/*.txt, JPEGImages/*.jpg.

VOC counts pixels from 1 and includes both edges; a box here ends where its last pixel ends. So the
overlap of two boxes is what the VOC development kit computes with its `+ 1`.
"""

from pathlib import Path
from xml.etree import ElementTree

from models.data.annotated_images import (
    AnnotatedImage,
    AnnotatedImages,
    Annotation,
    keep_usable,
)
from models.data.report import DataError, DataReport

CLASSES = (
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)
CATEGORIES = {number: name for number, name in enumerate(CLASSES, 1)}


class VocImageError(ValueError):
    """An annotation file that lacks what every one must have."""


def read_voc(folder: Path, split: str, report: DataReport) -> AnnotatedImages:
    """One split of a year, such as VOCdevkit/VOC2007 and "test".

    Raises:
        DataError: no such split.
    """
    path = folder / "ImageSets" / "Main" / f"{split}.txt"
    try:
        # Lists of one class have a second column, 1 or -1.
        names = [line.split()[0] for line in path.read_text().splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected a VOC image list: {error}") from error
    images, annotations = [], []
    for number, name in enumerate(dict.fromkeys(names), 1):
        try:
            image, boxes = read_annotation(folder / "Annotations" / f"{name}.xml", number, report)
        except (OSError, ElementTree.ParseError, ValueError, OverflowError) as error:
            report.add("image without a readable annotation", f"{name}: {error}")
            continue
        images.append(image)
        annotations += boxes
    name = f"{folder.name}-{split}"
    found = AnnotatedImages(name, path, folder, images, annotations, CATEGORIES)
    return keep_usable(found, report)


def read_annotation(
    path: Path, image_id: int, report: DataReport
) -> tuple[AnnotatedImage, list[Annotation]]:
    """The image that one XML file describes, and its boxes."""
    root = ElementTree.parse(path).getroot()
    width, height = (int(read_number(root, f"size/{side}")) for side in ("width", "height"))
    # The file's own <filename> is wrong in copies and conversions; its place is not.
    image = AnnotatedImage(image_id, f"JPEGImages/{path.stem}.jpg", width, height)
    boxes = []
    for thing in root.findall("object"):
        name = (thing.findtext("name") or "").strip()
        if name in CLASSES:
            boxes.append(read_box(thing, image_id, CLASSES.index(name) + 1))
        else:
            report.add("box of an unknown category", f"{path.stem} {name!r}")
    return image, boxes


def read_box(thing: ElementTree.Element, image_id: int, category_id: int) -> Annotation:
    x1, y1, x2, y2 = (
        read_number(thing, f"bndbox/{edge}") for edge in ("xmin", "ymin", "xmax", "ymax")
    )
    bbox = (x1 - 1, y1 - 1, x2 - x1 + 1, y2 - y1 + 1)
    difficult = int((thing.findtext("difficult") or "0").strip() != "0")
    return Annotation(image_id=image_id, category_id=category_id, bbox=bbox, iscrowd=difficult)


def read_number(node: ElementTree.Element, path: str) -> float:
    text = node.findtext(path)
    if text is None:
        raise VocImageError(f"<{node.tag}> lacks {path}")
    return float(text)
