"""Images with their annotations, to be judged: COCO JSON beside tar shards, or image files.

Beyond COCO, an image may name its `source` and its `labelled_category_ids`, the classes that people
annotated exhaustively in it. Where they are absent, the source is "all" and every class counts.
"""

import tarfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from models.data.annotated_images import AnnotatedImage, AnnotatedImages, Annotation
from models.data.coco import read_coco
from models.data.report import DataError, DataReport
from stages.kernels.detections import Detections

ONLY_SOURCE = "all"
Detect = Callable[[NDArray[np.uint8]], Detections]


class EvalImage(NamedTuple):
    image_id: int
    file_name: str
    wh: tuple[int, int]
    source: str
    category_ids: frozenset[int]  # classes that are judged in it


class EvaluationSet(NamedTuple):
    path: Path
    images: list[EvalImage]
    labels: dict[int, str]  # category id -> name
    annotations: dict[int, list[dict[str, Any]]]  # image id -> COCO annotations
    folder: Path | None = None  # of image files; None: they are in tars beside `path`


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


def read_frames(
    judged: EvaluationSet, report: DataReport
) -> Iterator[tuple[EvalImage, NDArray[np.uint8]]]:
    """Every judged image with its BGR pixels; what cannot be read is named in `report`."""
    if judged.folder is None:
        yield from read_shards(judged, report)
        return
    for image in judged.images:
        try:
            data = (judged.folder / image.file_name).read_bytes()
        except OSError:
            report.add("missing image", image.file_name)
            continue
        yield from decode(image, data, report)


def read_shards(
    judged: EvaluationSet, report: DataReport
) -> Iterator[tuple[EvalImage, NDArray[np.uint8]]]:
    """The images in the tars, in the tars' order."""
    waiting = {image.file_name: image for image in judged.images}
    shards = sorted(judged.path.parent.glob(f"{judged.path.stem}-[0-9]*.tar"))
    if not shards:
        raise DataError(f"{judged.path}: expected shards {judged.path.stem}-NN.tar beside it")
    for shard in shards:
        try:
            with tarfile.open(shard) as members:
                for member in members:
                    file = members.extractfile(member) if member.name in waiting else None
                    if file is not None:
                        image = waiting.pop(member.name)
                        yield from decode(image, file.read(), report)
        except (tarfile.TarError, EOFError, OSError) as error:
            report.add("damaged shard", f"{shard.name}: {error}")
    for name in waiting:
        report.add("missing image", name)


def decode(
    image: EvalImage, data: bytes, report: DataReport
) -> Iterator[tuple[EvalImage, NDArray[np.uint8]]]:
    """The image, or nothing if it is broken or not the one that was annotated."""
    try:
        frame = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    except cv2.error:
        frame = None
    if frame is None:
        report.add("unreadable image", image.file_name)
    elif (frame.shape[1], frame.shape[0]) != image.wh:
        got = f"{frame.shape[1]}x{frame.shape[0]}"
        report.add("image of another size", f"{image.file_name}: {image.wh}, got {got}")
    else:
        yield image, frame.astype(np.uint8, copy=False)
