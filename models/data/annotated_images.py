"""Images with boxes in COCO's terms: what VOC, COCO and street11 are read into."""

import math
from pathlib import Path

import msgspec

from models.data.report import DataReport

BORDER_PX = 1.0  # annotators' boxes leave the image by rounding; more is reported


class AnnotatedImage(msgspec.Struct, frozen=True):
    id: int
    file_name: str
    width: int
    height: int
    source: str | None = None  # where it comes from, in a set of several origins
    labelled_category_ids: tuple[int, ...] | None = None  # looked for in it; None: all

    @property
    def wh(self) -> tuple[int, int]:
        return self.width, self.height


class Annotation(msgspec.Struct, frozen=True, kw_only=True):
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]  # x, y, width, height in pixels
    id: int = 0
    area: float | None = None  # of the object's outline; None: that of the box
    iscrowd: int = 0  # 1: a region to ignore, VOC's "difficult"


class AnnotatedImages(msgspec.Struct, frozen=True):
    """What a data set holds, after `keep_usable` left out what means nothing."""

    name: str
    path: Path  # the file that lists the images, for messages
    folder: Path | None  # where `file_name` of every image lies; None: in tars beside `path`
    images: list[AnnotatedImage]
    annotations: list[Annotation]
    categories: dict[int, str]  # id -> name


def keep_usable(found: AnnotatedImages, report: DataReport) -> AnnotatedImages:
    """Without repeated images and without boxes that mean nothing; all are named in `report`."""
    images: dict[int, AnnotatedImage] = {}
    for image in found.images:
        if image.id in images:
            report.add("image listed twice", image.file_name)
        elif image.width < 1 or image.height < 1:
            report.add("image without a size", image.file_name)
        else:
            images[image.id] = image
    annotations = []
    for annotation in found.annotations:
        owner = images.get(annotation.image_id)
        problem = find_problem(annotation, owner, found.categories)
        if problem is None:
            annotations.append(annotation)
            problem = find_oddity(annotation, images[annotation.image_id])
        if problem is not None:
            place = owner.file_name if owner else annotation.image_id
            report.add(problem, f"{place} {list(annotation.bbox)}")
    return msgspec.structs.replace(found, images=list(images.values()), annotations=annotations)


def find_problem(
    annotation: Annotation, image: AnnotatedImage | None, categories: dict[int, str]
) -> str | None:
    """Why the box cannot be used, or None."""
    if image is None:
        return "box of an unknown image"
    if annotation.category_id not in categories:
        return "box of an unknown category"
    x, y, width, height = annotation.bbox
    if not (all(map(math.isfinite, annotation.bbox)) and width > 0 and height > 0):
        return "box without area"
    inside = x < image.width and y < image.height and x + width > 0 and y + height > 0
    return None if inside else "box outside its image"


def find_oddity(annotation: Annotation, image: AnnotatedImage) -> str | None:
    """What is reported of a box that is used nevertheless, or None."""
    x, y, width, height = annotation.bbox
    beyond = max(-x, -y, x + width - image.width, y + height - image.height)
    return "box across the image's border, kept" if beyond > BORDER_PX else None
