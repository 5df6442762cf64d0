"""How much of a drawn scene was found: the recorded detections against the scene's truth."""

import math
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from pipeline.client import Detection, DetectionMessage
from stages.config import LineConfig
from stages.kernels.boxes import iou_matrix
from stages.readers.uri import is_scene
from stages.scene.street import SceneObject, Street, parse_scene_uri

LEAST_SIDE_PX = 32  # square root of a box's area: smaller objects do not count
LEAST_VISIBLE = 0.5  # share of an object that is not hidden
IOU = 0.5
MOST_FRAMES = 500  # each is laid out again, which takes 20 to 30 ms


class Recall(NamedTuple):
    """Objects found of those that should have been, in one frame of so many."""

    found: int
    drawn: int
    step: int = 1

    def __str__(self) -> str:
        share = 100.0 * self.found / self.drawn if self.drawn else float("nan")
        looked = f", in one frame of {self.step}" if self.step > 1 else ""
        return (
            f"{share:.1f} % of the drawn objects above {LEAST_SIDE_PX} px "
            f"({self.found} of {self.drawn}{looked})"
        )


class DamagedRecording(Exception):
    """A file of messages holds something else."""


def describe_recall(config: LineConfig) -> Iterator[str]:
    """One line for every scene whose messages were recorded."""
    if config.record.jsonl is None or not Path(config.record.jsonl).exists():
        return
    for source, name in zip(config.sources, config.camera_names, strict=True):
        if is_scene(source.uri):
            try:
                recall = measure_recall(Path(config.record.jsonl), name, source.uri)
            except DamagedRecording as error:
                yield f"{name}: what was found is not known: {error}"
            else:
                yield f"{name}: found {recall}"


def measure_recall(jsonl: Path, camera: str, uri: str) -> Recall:
    """Recall at IoU 0.5 of one drawn camera in the last run that was recorded.

    All its frames count, or `MOST_FRAMES` of a longer run, at equal distances.

    Raises:
        DamagedRecording: another program has written to the file.
    """
    run, frames = "", 0
    for message in _read(jsonl):
        if message.run != run:
            run, frames = message.run, 0
        frames += message.camera == camera
    step = max(1, math.ceil(frames / MOST_FRAMES))
    last = (m for m in _read(jsonl) if m.run == run and m.camera == camera)
    street = Street(parse_scene_uri(uri))
    found = drawn = 0
    for message in islice(last, 0, None, step):
        wanted = [o for o in street.truth(message.frame_id) if is_wanted(o)]
        drawn += len(wanted)
        found += count_found(wanted, message.detections)
    return Recall(found, drawn, step)


def _read(jsonl: Path) -> Iterator[DetectionMessage]:
    with jsonl.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield msgspec.json.decode(line, type=DetectionMessage)
            except (msgspec.DecodeError, UnicodeDecodeError):
                raise DamagedRecording(f"{jsonl}: line {number} is no message") from None


def is_wanted(thing: SceneObject) -> bool:
    x1, y1, x2, y2 = thing.box_xyxy
    return (x2 - x1) * (y2 - y1) > LEAST_SIDE_PX**2 and thing.visible >= LEAST_VISIBLE


def count_found(wanted: list[SceneObject], detections: tuple[Detection, ...]) -> int:
    """How many objects have a detection of their label on them; each detection counts once."""
    by_label = defaultdict[str, list[Detection]](list)
    for detection in detections:
        by_label[detection.label].append(detection)
    return sum(
        _count_matches([o for o in wanted if o.label == label], candidates)
        for label, candidates in by_label.items()
    )


def _count_matches(objects: list[SceneObject], detections: list[Detection]) -> int:
    if not objects:
        return 0
    truth = np.array([o.box_xyxy for o in objects], np.float32)
    boxes = np.array([d.box for d in detections], np.float32)
    overlap = iou_matrix(truth, boxes)  # (objects, detections)
    matches = 0
    while overlap.max() >= IOU:
        row, column = np.unravel_index(overlap.argmax(), overlap.shape)
        overlap[row, :] = overlap[:, column] = 0.0
        matches += 1
    return matches
