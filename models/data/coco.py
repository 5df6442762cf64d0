"""COCO directories: one JSON of annotations, one folder of images.

Outlines are skipped while parsing: of 450 MB of COCO's train2017 they are most.
"""

from pathlib import Path

import msgspec

from models.data.annotated_images import (
    AnnotatedImage,
    AnnotatedImages,
    Annotation,
    keep_usable,
)
from models.data.report import DataError, DataReport


class CocoCategory(msgspec.Struct, frozen=True):
    id: int
    name: str


class CocoFile(msgspec.Struct, frozen=True):
    images: list[AnnotatedImage]
    annotations: list[Annotation]
    categories: list[CocoCategory]


def read_coco(path: Path, images: Path | None, report: DataReport) -> AnnotatedImages:
    """The data set of a file such as instances_val2017.json.

    Args:
        images: the folder of its images; None where they are in tars beside the file.

    Raises:
        DataError: not a COCO file, or no such folder.
    """
    try:
        content = msgspec.json.decode(path.read_bytes(), type=CocoFile)
    except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
        raise DataError(f"{path}: expected a COCO data set: {error}") from error
    if images is not None and not images.is_dir():
        raise DataError(f"{images}: expected the folder of the images that {path.name} lists")
    categories = {category.id: category.name for category in content.categories}
    found = AnnotatedImages(
        path.stem, path, images, content.images, content.annotations, categories
    )
    return keep_usable(found, report)
