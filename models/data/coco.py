"""COCO directories: one JSON of annotations, one folder of images.

Outlines are skipped while parsing: of 450 MB of COCO's train2017 they are most.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from models.data.annotated_images import (
    AnnotatedImage,
    AnnotatedImages,
    Annotation,
    keep_usable,
)
from models.data.report import DataError, DataReport

BOX_NUMBERS = 4


class CocoCategory(msgspec.Struct, frozen=True):
    id: int
    name: str


class CocoFile(msgspec.Struct, frozen=True):
    """As this project writes it."""

    images: list[AnnotatedImage]
    annotations: list[Annotation]
    categories: list[CocoCategory]


class GivenAnnotation(msgspec.Struct, frozen=True):
    """As tools write it: some give outlines alone, and some call a crowd true."""

    image_id: int
    category_id: int
    bbox: tuple[float, ...] | None = None
    id: int = 0
    area: float | None = None
    iscrowd: int | bool = 0


class GivenFile(msgspec.Struct, frozen=True):
    images: list[AnnotatedImage]
    annotations: list[GivenAnnotation]
    categories: list[CocoCategory]


def read_coco(path: Path, images: Path | None, report: DataReport) -> AnnotatedImages:
    """The data set of a file such as instances_val2017.json.

    Args:
        images: the folder of its images; None where they are in tars beside the file.

    Raises:
        DataError: not a COCO file, or no such folder.
    """
    try:
        # Not strict: sizes such as 160.0 and ids in quotes are what some tools write.
        content = msgspec.json.decode(path.read_bytes(), type=GivenFile, strict=False)
    except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
        raise DataError(f"{path}: expected a COCO data set: {error}") from error
    if images is not None and not images.is_dir():
        raise DataError(f"{images}: expected the folder of the images that {path.name} lists")
    annotations = []
    for given in content.annotations:
        if (annotation := with_box(given)) is None:
            report.add("annotation without a box", f"{given.id} of image {given.image_id}")
        else:
            annotations.append(annotation)
    categories = name_categories(path, content.categories)
    found = AnnotatedImages(path.stem, path, images, content.images, annotations, categories)
    return keep_usable(found, report)


def with_box(given: GivenAnnotation) -> Annotation | None:
    """The annotation, if it has the four numbers of a box."""
    if given.bbox is None or len(given.bbox) != BOX_NUMBERS:
        return None
    x, y, width, height = given.bbox
    return Annotation(
        image_id=given.image_id,
        category_id=given.category_id,
        bbox=(x, y, width, height),
        id=given.id,
        area=given.area,
        iscrowd=int(given.iscrowd),
    )


def name_categories(path: Path, categories: Sequence[CocoCategory]) -> dict[int, str]:
    """Names by id.

    Raises:
        DataError: an id has two names.
    """
    names: dict[int, str] = {}
    for category in categories:
        if names.setdefault(category.id, category.name) != category.name:
            raise DataError(
                f"{path}: expected one category of id {category.id}, "
                f"got {names[category.id]} and {category.name}"
            )
    return names
