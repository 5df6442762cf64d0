"""The street11 data set: COCO JSON beside tar shards of images.

Beyond COCO, an image names its `source` and `labelled_category_ids`, the classes that people
annotated exhaustively in it. `iscrowd` boxes are regions to ignore: neither object nor background.
"""

import json
import tarfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from models.data.image_cache import Picture, open_cache
from models.data.report import DataError, DataReport
from models.data.samples import LabelledBox, Samples, pad_boxes
from models.thundernet.matcher import IGNORE


class ShardSource:
    """The images of one split, read shard by shard."""

    def __init__(self, folder: Path, split: str, names: Sequence[str], report: DataReport) -> None:
        self.name = f"street11-{split}"
        self.shards = {path.name: path for path in sorted(folder.glob(f"{split}-*.tar"))}
        if not self.shards:
            raise DataError(f"{folder}: expected shards {split}-NN.tar, found none")
        sizes = [f"{name}:{path.stat().st_size}" for name, path in self.shards.items()]
        self.identity = "\n".join([*sizes, *names])
        self.rows = {name: row for row, name in enumerate(names)}
        self.report = report

    def __len__(self) -> int:
        return len(self.rows)

    def groups(self) -> Sequence[str]:
        return list(self.shards)

    def read(self, group: str) -> Iterator[Picture]:
        try:
            with tarfile.open(self.shards[group]) as shard:
                for member in shard:
                    if member.name in self.rows and (file := shard.extractfile(member)):
                        data = np.frombuffer(file.read(), np.uint8)
                        yield Picture(self.rows[member.name], decode_image(data))
        except (tarfile.TarError, EOFError, OSError) as error:
            # What the shard held so far is used; its other images count as missing.
            self.report.add("damaged shard", f"{group}: {error}")


def decode_image(data: np.ndarray) -> np.ndarray | None:
    if not data.size:
        return None
    try:
        return cv2.imdecode(data, cv2.IMREAD_COLOR)
    except cv2.error:
        return None


def read_annotations(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file; expected the data set's COCO JSON") from error
    except json.JSONDecodeError as error:
        raise DataError(f"{path}: not JSON: {error}") from error
    missing = {"images", "annotations", "categories"} - content.keys()
    if missing:
        raise DataError(f"{path}: expected keys images, annotations, categories; lacks {missing}")
    return content


def class_of_category(content: dict[str, Any], labels: Sequence[str], path: Path) -> dict[int, int]:
    """Category id in the file -> class 1..K in the order of `labels`."""
    names = {category["name"]: category["id"] for category in content["categories"]}
    absent = [label for label in labels if label not in names]
    if absent:
        raise DataError(f"{path}: expected categories {list(labels)}, lacks {absent}")
    return {names[label]: index + 1 for index, label in enumerate(labels)}


def labelled_box(
    annotation: dict[str, Any], image: dict[str, Any], classes: dict[int, int]
) -> LabelledBox | None:
    """The annotation in parts of its image, or None where nothing of it lies inside."""
    x, y, width, height = annotation["bbox"]
    wh = np.array([image["width"], image["height"]] * 2)
    x1, y1, x2, y2 = (np.array([x, y, x + width, y + height]) / wh).clip(0, 1).tolist()
    if not (x2 > x1 and y2 > y1):
        return None
    ignore = annotation["iscrowd"] or annotation["category_id"] not in classes
    label = IGNORE if ignore else classes[annotation["category_id"]]
    return LabelledBox(label, (x1, y1, x2, y2))


def load_street11(
    folder: Path, split: str, labels: Sequence[str], cache: Path, size: int, report: DataReport
) -> Samples:
    """All usable images of a split with their boxes; the others are named in `report`."""
    path = folder / f"{split}.json"
    content = read_annotations(path)
    classes = class_of_category(content, labels, path)
    images = content["images"]
    names = [image["file_name"] for image in images]
    cached = open_cache(cache, ShardSource(folder, split, names, report), size)

    found: dict[int, list[LabelledBox]] = defaultdict(list)
    by_id = {image["id"]: image for image in images}
    for annotation in content["annotations"]:
        image = by_id.get(annotation["image_id"])
        if image is None:
            report.add("box of an unknown image", f"annotation {annotation['id']}")
        elif box := labelled_box(annotation, image, classes):
            found[image["id"]].append(box)
        else:
            report.add("box without area", f"{image['file_name']} {annotation['bbox']}")

    for name, present in zip(names, cached.present, strict=True):
        if not present:
            report.add("image missing or unreadable", name)
    boxes, box_labels = pad_boxes([found[image["id"]] for image in images])
    # Rows stay those of the cache; images that could not be read get no sampling weight.
    labelled = np.zeros((len(images), len(labels)), bool)
    for row, image in enumerate(images):
        for category in image["labelled_category_ids"]:
            if category in classes:
                labelled[row, classes[category] - 1] = True
    sources = [image["source"] for image in images]
    return Samples(names, sources, boxes, box_labels, labelled, cached.present, cached.images)
