"""Images with their annotations, to evaluate on: COCO JSON beside tar shards, or image files.

Beyond COCO, an image may name its `source` and its `labelled_category_ids`, the classes that people
annotated exhaustively in it. Where they are absent, the source is "all" and every class counts.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from models.data.annotated_images import AnnotatedImage, AnnotatedImages, Annotation
from models.data.coco import read_coco
from models.data.image_files import BgrImage, find_images
from models.data.report import DataError, DataReport
from models.evaluate.camera_shape import CameraShape, cut_annotation, is_wide
from models.evaluate.light import Light, relight

ONLY_SOURCE = "all"


class EvalImage(NamedTuple):
    image_id: int
    file_name: str
    wh: tuple[int, int]  # of the file, before it is cut
    source: str
    category_ids: frozenset[int]  # classes that are evaluated in it


class EvaluationSet(NamedTuple):
    path: Path
    images: list[EvalImage]
    labels: dict[int, str]  # category id -> name
    annotations: dict[int, list[dict[str, Any]]]  # image id -> COCO annotations
    folder: Path | None = None  # of image files; None: they are in tars beside `path`
    shape: CameraShape | None = None  # to which the images are cut when they are read
    light: Light | None = None  # in which they are shown; None: that of the photograph

    @property
    def name(self) -> str:
        return self.path.stem


def read_evaluation_set(path: Path, report: DataReport) -> EvaluationSet:
    """The annotations of `path`; its images are read from the tars of the same stem.

    Raises:
        DataError: not a COCO file.
    """
    return make_evaluation_set(read_coco(path, None, report))


def make_evaluation_set(found: AnnotatedImages) -> EvaluationSet:
    """The images of a data set, in their order."""
    images = [make_image(image, found.categories) for image in found.images]
    annotations = defaultdict(list)
    for annotation in found.annotations:
        annotations[annotation.image_id].append(to_coco(annotation))
    return EvaluationSet(found.path, images, found.categories, dict(annotations), found.folder)


def make_image(image: AnnotatedImage, labels: dict[int, str]) -> EvalImage:
    category_ids = image.labelled_category_ids
    return EvalImage(
        image.id,
        image.file_name,
        (image.width, image.height),
        image.source or ONLY_SOURCE,
        frozenset(labels if category_ids is None else category_ids),
    )


def to_coco(annotation: Annotation) -> dict[str, Any]:
    """The annotation as plain data; without an outline, its area is that of the box."""
    _, _, width, height = annotation.bbox
    area = width * height if annotation.area is None else annotation.area
    plain: dict[str, Any] = msgspec.to_builtins(annotation)
    return plain | {"bbox": list(annotation.bbox), "area": area}  # pycocotools wants a list


def take_images(whole: EvaluationSet, count: int) -> EvaluationSet:
    """About `count` images, evenly spaced, so that every source keeps its share."""
    step = max(1, round(len(whole.images) / count))
    return whole._replace(images=whole.images[::step][:count])


def keep_labels(whole: EvaluationSet, labels: Collection[str]) -> EvaluationSet:
    """The same images, evaluated for some of the classes alone."""
    kept = {category_id for category_id, name in whole.labels.items() if name in labels}
    images = [image._replace(category_ids=image.category_ids & kept) for image in whole.images]
    return whole._replace(images=images)


def cut_to_shape(whole: EvaluationSet, shape: CameraShape) -> EvaluationSet:
    """The images that are wide enough, cut above and below as a camera of this shape would."""
    wide = [image for image in whole.images if is_wide(image.wh)]
    annotations = {}
    for image in wide:
        rows = shape.rows(image.wh)
        found = (cut_annotation(each, rows) for each in whole.annotations.get(image.image_id, []))
        annotations[image.image_id] = [each for each in found if each is not None]
    return whole._replace(images=wide, annotations=annotations, shape=shape)


def read_frames(dataset: EvaluationSet, report: DataReport) -> Iterator[tuple[EvalImage, BgrImage]]:
    """Every image that can be used, with its pixels; the others are named in `report`.

    Raises:
        DataError: there are neither a folder nor shards.
    """
    source = find_images(dataset, report)
    absent = dict.fromkeys(range(len(dataset.images)))
    for group in source.groups():
        for row, frame, problem, detail in source.read(group):
            if row not in absent:  # a shard holds it twice
                continue
            del absent[row]
            if frame is None:
                report.add(problem, detail)
            else:
                image = dataset.images[row]
                shown = cut_frame(frame, dataset.shape)
                if dataset.light:
                    shown = relight(shown, dataset.light, image.image_id)
                yield image, shown
    for row in absent:
        report.add("missing image", dataset.images[row].file_name)


def no_image_error(dataset: EvaluationSet, report: DataReport) -> DataError:
    """To be raised where `read_frames` gave nothing: where it looked, and what was wrong."""
    place = "the tars beside it" if dataset.folder is None else str(dataset.folder)
    reasons = "; ".join(report.lines()) or "it lists none"
    return DataError(f"{dataset.path}: expected at least one readable image in {place}: {reasons}")


def cut_frame(frame: BgrImage, shape: CameraShape | None) -> BgrImage:
    if shape is None:
        return frame
    top, bottom = shape.rows((frame.shape[1], frame.shape[0]))
    return frame[top:bottom]
