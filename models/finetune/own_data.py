"""The user's images, divided into those to train on and those to judge by, as COCO files."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from models.data.annotated_images import AnnotatedImage, AnnotatedImages
from models.data.coco import CocoCategory, CocoFile, read_coco
from models.data.report import DataError, DataReport
from models.data.split import CocoSplit
from models.finetune.yolo_folder import read_yolo_folder

HELD_OUT = 10  # one image of so many


class OwnData(NamedTuple):
    labels: tuple[str, ...]
    train: CocoSplit
    val: CocoSplit
    images: int  # to train on
    boxes: int


def read_own_images(path: Path, images: Path | None, report: DataReport) -> AnnotatedImages:
    """A COCO file, its images in `images` or beside it; or a YOLO folder."""
    if path.is_dir():
        return read_yolo_folder(path, report)
    beside = path.parent / "images"
    return read_coco(path, images or (beside if beside.is_dir() else path.parent), report)


def prepare(found: AnnotatedImages, wanted: Sequence[str] | None, out: Path) -> OwnData:
    """Writes train.json and val.json into `out`.

    Raises:
        DataError: a class that is not there, or too few images.
    """
    categories = choose_categories(found, wanted)
    annotations = [one for one in found.annotations if one.category_id in categories]
    train, val = divide(found)
    if not annotations or not val:
        raise DataError(
            f"{found.path}: expected {HELD_OUT} images or more with boxes of "
            f"{', '.join(categories.values())}, got {len(found.images)} with {len(annotations)}"
        )
    out.mkdir(parents=True, exist_ok=True)
    splits = []
    for name, images in (("train", train), ("val", val)):
        ids = {image.id for image in images}
        own = [one for one in annotations if one.image_id in ids]
        listed = [CocoCategory(number, label) for number, label in categories.items()]
        path = out / f"{name}.json"
        path.write_bytes(msgspec.json.encode(CocoFile(images, own, listed)))
        splits.append(CocoSplit(annotations=str(path), images=str(found.folder)))
    own_train, own_val = splits
    return OwnData(tuple(categories.values()), own_train, own_val, len(train), len(annotations))


def choose_categories(found: AnnotatedImages, wanted: Sequence[str] | None) -> dict[int, str]:
    """Those of the wanted classes, in that order, or all."""
    if wanted is None:
        return found.categories
    number_of = {name: number for number, name in found.categories.items()}
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
