"""Images to draw, with their labelled objects where they have any."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from models.data.image_files import BgrImage, decode_image
from models.data.report import DataReport
from models.evaluate.evaluation_set import EvaluationSet, read_frames, take_images
from stages.scene.street import Street, StreetOptions

SECONDS_APART = 7.3  # between two frames of a street: actors have moved on


class LabelledObject(NamedTuple):
    label: str
    xyxy: tuple[float, float, float, float]  # pixels of the frame
    ignored: bool  # a crowd, difficult, or not evaluated: neither hit nor miss

    @property
    def area(self) -> float:
        x1, y1, x2, y2 = self.xyxy
        return (x2 - x1) * (y2 - y1)


class LabelledImage(NamedTuple):
    name: str
    frame: BgrImage
    objects: list[LabelledObject] | None  # None: it has no labels


def read_files(paths: Iterable[Path], report: DataReport) -> Iterator[LabelledImage]:
    """The image files, without truth; what cannot be read is named in `report`."""
    for path in paths:
        try:
            frame = decode_image(np.fromfile(path, np.uint8))
        except OSError:
            report.add("missing image", str(path))
            continue
        if frame is None:
            report.add("unreadable image", str(path))
        else:
            yield LabelledImage(path.name, frame, None)


def read_labelled(
    dataset: EvaluationSet, count: int, report: DataReport
) -> Iterator[LabelledImage]:
    """About `count` images of the set, evenly spaced, with their boxes."""
    few = take_images(dataset, count)
    for image, frame in read_frames(few, report):
        objects = []
        for annotation in dataset.annotations.get(image.image_id, []):
            x, y, width, height = annotation["bbox"]
            category_id = annotation["category_id"]
            label = dataset.labels.get(category_id, f"category {category_id}")
            ignored = bool(annotation.get("iscrowd")) or category_id not in image.category_ids
            objects.append(LabelledObject(label, (x, y, x + width, y + height), ignored))
        yield LabelledImage(Path(image.file_name).name, frame, objects)


def draw_street(seed: int, wh: tuple[int, int], count: int) -> Iterator[LabelledImage]:
    """Frames of a drawn street, every object in them labelled."""
    street = Street(StreetOptions(seed=seed, width=wh[0], height=wh[1]))
    for number in range(count):
        index = round(number * SECONDS_APART * street.options.fps)
        frame = np.empty((wh[1], wh[0], 3), np.uint8)
        street.draw(index, frame)
        objects = [
            LabelledObject(seen.label, seen.box_xyxy, ignored=False) for seen in street.truth(index)
        ]
        yield LabelledImage(f"street {seed}, {index / street.options.fps:.0f} s", frame, objects)


def colour_ids(labels: Sequence[str], objects: Iterable[LabelledObject]) -> dict[str, int]:
    """Class id of every label for its colour: the model's own, and numbers behind for others."""
    ids = {label: number for number, label in enumerate(labels)}
    for seen in objects:
        ids.setdefault(seen.label, len(ids))
    return ids
