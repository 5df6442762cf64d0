"""How much of a drawn scene was found: the recorded detections against the scene's truth."""

from collections import defaultdict
from collections.abc import Iterator
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


class Recall(NamedTuple):
    """Objects found of those that should have been."""

    found: int
    drawn: int

    def __str__(self) -> str:
        share = 100.0 * self.found / self.drawn if self.drawn else float("nan")
        return (
            f"{share:.1f} % of the drawn objects above {LEAST_SIDE_PX} px "
            f"({self.found} of {self.drawn})"
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
    """Recall at IoU 0.5 over all frames of one drawn camera that the last run has recorded.

    Raises:
        DamagedRecording: another program has written to the file.
    """
    street = Street(parse_scene_uri(uri))
    found = drawn = 0
    run = ""
    with jsonl.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                message = msgspec.json.decode(line, type=DetectionMessage)
            except (msgspec.DecodeError, UnicodeDecodeError):
                raise DamagedRecording(f"{jsonl}: line {number} is no message") from None
            if message.run != run:
                run, found, drawn = message.run, 0, 0
            if message.camera == camera:
                wanted = [o for o in street.truth(message.frame_id) if is_wanted(o)]
                drawn += len(wanted)
                found += count_found(wanted, message.detections)
    return Recall(found, drawn)


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
