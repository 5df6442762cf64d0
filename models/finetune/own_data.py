"""The user's images, divided into those to train on and those to judge by, as COCO files."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from models.data.annotated_images import AnnotatedImage, AnnotatedImages, Annotation
from models.data.coco import CocoCategory, CocoFile, read_coco
from models.data.report import DataError, DataReport
from models.data.split import CocoSplit
from models.finetune.yolo_folder import read_yolo_folder
from models.whole_file import write_whole

HELD_OUT = 10  # one image of so many
TRAIN, VAL = (
    "finetune-train.json",
    "finetune-val.json",
)  # no data set of a user's is called so, should he name its own folder


class OwnData(NamedTuple):
    labels: tuple[str, ...]
    train: CocoSplit
    val: CocoSplit
    images: int  # to train on
    boxes: int  # in these, crowds left out
    val_boxes: int  # in those held out, the same


def read_own_images(path: Path, images: Path | None, report: DataReport) -> AnnotatedImages:
    """A COCO file, its images in `images` or beside it; or a YOLO folder.

    Raises:
        DataError: neither, or `images` beside a YOLO folder, which has its own.
    """
    if path.is_dir():
        if images is not None:
            raise DataError(
                f"--images {images}: expected --data to be a COCO file, got the folder {path}, "
                "whose images lie in it"
            )
        return read_yolo_folder(path, report)
    beside = path.parent / "images"
    return read_coco(path, images or (beside if beside.is_dir() else path.parent), report)


def prepare(found: AnnotatedImages, wanted: Sequence[str] | None, out: Path) -> OwnData:
    """Writes both parts into `out`, each as a COCO file.

    Raises:
        DataError: a class that is not there, too few images, or none with a box to train on.
    """
    categories = choose_categories(found, wanted)
    annotations = [one for one in found.annotations if one.category_id in categories]
    boxes = [one for one in annotations if not one.iscrowd]  # crowds are ignored, not learned
    train, val = divide(found)
    if not boxes or not val:
        raise DataError(
            f"{found.path}: expected {HELD_OUT} images or more with boxes of "
            f"{', '.join(categories.values())}, got {len(found.images)} with {len(boxes)}"
        )
    train_boxes, val_boxes = (len(annotations_in(images, boxes)) for images in (train, val))
    if not train_boxes:
        raise DataError(
            f"{found.path}: expected boxes in the {len(train)} images to train on, got all "
            f"{val_boxes} in the {len(val)} that are held out"
        )
    listed = [CocoCategory(number, label) for number, label in categories.items()]
    splits = [
        write_part(
            out / name, CocoFile(images, annotations_in(images, annotations), listed), found.folder
        )
        for name, images in ((TRAIN, train), (VAL, val))
    ]
    labels = tuple(categories.values())
    return OwnData(labels, splits[0], splits[1], len(train), train_boxes, val_boxes)


def annotations_in(
    images: Sequence[AnnotatedImage], annotations: Sequence[Annotation]
) -> list[Annotation]:
    ids = {image.id for image in images}
    return [each for each in annotations if each.image_id in ids]


def write_part(path: Path, content: CocoFile, images: Path | None) -> CocoSplit:
    write_whole(path, msgspec.json.encode(content))
    return CocoSplit(annotations=str(path), images=str(images))


def choose_categories(found: AnnotatedImages, wanted: Sequence[str] | None) -> dict[int, str]:
    """Those of the wanted classes, in that order, or all.

    Raises:
        DataError: there is none of that name, or there are several, or one without a name.
    """
    categories = {number: name.strip() for number, name in found.categories.items()}
    number_of = {name: number for number, name in categories.items()}
    if "" in number_of or len(number_of) < len(categories):
        raise DataError(
            f"{found.path}: expected classes of different names, "
            f"got {', '.join(categories.values())}"
        )
    if wanted is None:
        return categories
    if not all(wanted) or len(set(wanted)) < len(wanted):
        raise DataError(f"--labels: expected each class once, got {','.join(wanted)}")
    unknown = [name for name in wanted if name not in number_of]
    if unknown:
        raise DataError(
            f"--labels: expected classes of {found.path}, got {', '.join(unknown)}; there are "
            f"{', '.join(number_of)}"
        )
    return {number_of[name]: name for name in wanted}


def divide(found: AnnotatedImages) -> tuple[list[AnnotatedImage], list[AnnotatedImage]]:
    """Images to train on and to judge by; by their names, so that a resumed run divides alike."""
    ranked = sorted(
        found.images, key=lambda image: hashlib.sha256(image.file_name.encode()).digest()
    )
    count = len(ranked) // HELD_OUT
    return ranked[count:], ranked[:count]
