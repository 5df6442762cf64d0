"""Frames of the drawn street as training data: boxes exact, every visible class labelled.

The scene that demonstrates the pipeline is drawn, and a detector that saw photographs alone would
not know it.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from tqdm import tqdm

from models.data.image_cache import cache_path, open_cache
from models.data.image_files import LoadedImage
from models.data.samples import LabelledBox, Samples, pad_boxes
from models.sole_writer import waiting
from models.thundernet.ground_truth import IGNORE
from stages.scene.street import SceneObject, Street, StreetOptions

SOURCE = "scene"
SHAPES_WH = ((640, 360), (640, 480), (480, 480))
SECONDS_APART = 7.3  # actors have moved on, and light is another one
MIN_VISIBLE = 0.3  # hidden more than this, an object is an ignore region


class SceneConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many streets are drawn, and how many frames of each; 0 streets draws none."""

    streets: int = 160
    frames: int = 8  # per street
    first_seed: int = 1000  # seeds below stay unseen, for demonstrations and tests


def make_street(config: SceneConfig, number: int) -> Street:
    width, height = SHAPES_WH[number % len(SHAPES_WH)]
    return Street(StreetOptions(seed=config.first_seed + number, width=width, height=height))


def frame_indices(config: SceneConfig, street: Street) -> list[int]:
    return [round(i * SECONDS_APART * street.options.fps) for i in range(config.frames)]


class SceneSource:
    """Drawn frames for the image cache, one group per street."""

    name = SOURCE

    def __init__(self, config: SceneConfig, version: str) -> None:
        self.config = config
        self.identity = f"{config} {version}"

    def __len__(self) -> int:
        return self.config.streets * self.config.frames

    def groups(self) -> Sequence[str]:
        return [str(number) for number in range(self.config.streets)]

    def read(self, group: str) -> Iterator[LoadedImage]:
        street = make_street(self.config, int(group))
        frame = np.empty((street.options.height, street.options.width, 3), np.uint8)
        for i, index in enumerate(frame_indices(self.config, street)):
            street.draw(index, frame)
            yield LoadedImage(int(group) * self.config.frames + i, frame)


def labelled_boxes(
    objects: Sequence[SceneObject], labels: Sequence[str], street: Street
) -> list[LabelledBox]:
    wh = (street.options.width, street.options.height)
    found = []
    for seen in objects:
        x1, y1, x2, y2 = (edge / wh[i % 2] for i, edge in enumerate(seen.box_xyxy))
        known = seen.label in labels and seen.visible >= MIN_VISIBLE
        label = labels.index(seen.label) + 1 if known else IGNORE
        found.append(LabelledBox(label, (x1, y1, x2, y2)))
    return found


def street_boxes(config: SceneConfig, number: int, labels: Sequence[str]) -> list[list[Any]]:
    street = make_street(config, number)
    indices = frame_indices(config, street)
    return [labelled_boxes(street.truth(index), labels, street) for index in indices]


def all_boxes(config: SceneConfig, labels: Sequence[str]) -> list[list[Any]]:
    return [
        frame
        for number in tqdm(range(config.streets), desc="scene boxes", unit="street")
        for frame in street_boxes(config, number, labels)
    ]


def load_boxes(
    config: SceneConfig, labels: Sequence[str], path: Path
) -> Sequence[Sequence[LabelledBox]]:
    """Boxes of every frame, computed once and kept beside the images."""
    if not path.exists():
        with waiting(partial := path.with_suffix(".boxes.partial")):
            if not path.exists():  # whoever held it has not written it
                partial.write_bytes(msgspec.json.encode(all_boxes(config, labels)))
                partial.replace(path)
    return msgspec.json.decode(path.read_bytes(), type=list[list[LabelledBox]])


def load_scene(config: SceneConfig, labels: Sequence[str], cache: Path, size: int) -> Samples:
    """All drawn frames with their boxes, from the cache after the first time."""
    # The boxes of one street stand for the version of the drawing code.
    version = repr(street_boxes(config, 0, labels))
    source = SceneSource(config, version)
    cached = open_cache(cache, source, size)
    boxes_path = cache_path(cache, source, size).with_suffix(".boxes")
    boxes, box_labels = pad_boxes(load_boxes(config, labels, boxes_path))
    names = [f"street-{config.first_seed + i // config.frames}" for i in range(len(source))]
    labelled = np.ones((len(source), len(labels)), bool)
    sources = [SOURCE] * len(source)
    return Samples(names, sources, boxes, box_labels, labelled, cached.present, cached.images)
