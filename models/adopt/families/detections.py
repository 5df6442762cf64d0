"""Models that end with their own detections: boxes (K, 4), scores (K,) and classes (K,).

- TensorFlow's detectors: `detection_boxes` are yxyx as parts of the input, classes count from 1.
- Those of torchvision: xyxy in pixels, classes count from 1.
- RT-DETR, D-FINE and others with the input `orig_target_sizes`: xyxy in pixels, classes from 0.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from onnx import TensorProto

from models.adopt.family import ONCE, Classes
from models.adopt.foreign_model import ForeignModel, Output
from models.adopt.grafted_graph import GraftedGraph
from models.adopt.head import Head, first_rows, scaled, spread_classes
from models.adopt.picture import PictureSpec

BOX = 4
BOX_NAMES, SCORE_NAMES, CLASS_NAMES = ("box",), ("score",), ("label", "class")


class Found(NamedTuple):
    boxes: Output
    scores: Output
    classes: Output


class Detections:
    name = "detections"
    picture = PictureSpec()
    soft_nms = ONCE

    def recognises(self, model: ForeignModel) -> bool:
        return find_outputs(model) is not None

    def classes(self, model: ForeignModel, labels: int) -> None:
        return None

    def add_head(
        self, graph: GraftedGraph, outputs: Mapping[str, str], model: ForeignModel, classes: Classes
    ) -> Head:
        found = find_outputs(model)
        if found is None:
            raise model.unlike("outputs named like boxes, scores and classes or labels")
        boxes = graph.rows(outputs[found.boxes.name], BOX)
        score = graph.rows(outputs[found.scores.name], 1)
        class_id = graph.rows(outputs[found.classes.name], 1)
        class_id = graph.add("Cast", class_id, to=TensorProto.FLOAT)
        first = first_class(model)
        scores = spread_classes(graph, score, class_id, [first + number for number in classes.kept])
        decode = YxyxFractions(model.wh).decode if is_tensorflow(found) else first_rows
        count = None if found.boxes.varies else found.boxes.values.size // BOX
        return Head(scores, [boxes], decode, count or None)


class YxyxFractions(NamedTuple):
    wh: tuple[int, int]

    def decode(self, graph: GraftedGraph, rows: Sequence[str]) -> str:
        boxes = graph.take(rows[0], [1, 0, 3, 2], axis=1)
        return scaled(graph, boxes, [*self.wh, *self.wh])


def first_class(model: ForeignModel) -> int:
    """The number of the first class: those of TensorFlow and torchvision leave 0 to background."""
    return 0 if model.size_input else 1


def is_tensorflow(found: Found) -> bool:
    return found.boxes.name.startswith("detection_boxes")


def find_outputs(model: ForeignModel) -> Found | None:
    """By their names: what detections are called hardly differs."""
    boxes = [output for output in model.outputs if output.shape and output.shape[-1] == BOX]
    boxes = named(boxes, BOX_NAMES)
    taken = {output.name for output in boxes}
    rest = [output for output in model.outputs if output.name not in taken]
    scores, classes = named(rest, SCORE_NAMES), named(rest, CLASS_NAMES)
    if len(boxes) != 1 or not scores or not classes:
        return None
    found = Found(boxes[0], scores[0], classes[0])
    counts = {found.boxes.values.size // BOX, found.scores.values.size, found.classes.values.size}
    return found if len(counts) == 1 else None


def named(outputs: Sequence[Output], words: Sequence[str]) -> list[Output]:
    return [output for output in outputs if any(word in output.name.lower() for word in words)]
