"""DETR and its descendants (RT-DETR, D-FINE, DEIM): logits (1, Q, C) and boxes (1, Q, 4).

Boxes are centre, width and height as parts of the input. The first DETR has one more logit, which
means "no object" and comes last, and takes the softmax; its descendants take the sigmoid.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from models.adopt.family import ONCE, Classes
from models.adopt.foreign_model import ForeignModel, Output
from models.adopt.grafted_graph import GraftedGraph
from models.adopt.head import Head, corners_of_centres, keep_classes, scaled
from models.adopt.picture import PictureSpec

MOST_QUERIES = 999  # more are the anchors of an SSD
BOX = 4


class Pair(NamedTuple):
    logits: Output
    boxes: Output


class Detr:
    name = "detr"
    picture = PictureSpec()
    soft_nms = ONCE

    def recognises(self, model: ForeignModel) -> bool:
        pair = find_pair(model)
        return pair is not None and pair.boxes.shape[1] <= MOST_QUERIES

    def classes(self, model: ForeignModel, labels: int) -> int:
        found = self._pair(model).logits.shape[2]
        return found - 1 if labels == found - 1 else found

    def add_head(
        self, graph: GraftedGraph, outputs: Mapping[str, str], model: ForeignModel, classes: Classes
    ) -> Head:
        logits, boxes = self._pair(model)
        width = logits.shape[2]
        rows = graph.rows(outputs[logits.name], width)
        has_no_object = classes.size == width - 1
        rows = graph.add("Softmax", rows, axis=1) if has_no_object else graph.add("Sigmoid", rows)
        scores = keep_classes(graph, rows, classes.kept, width)
        table = graph.rows(outputs[boxes.name], BOX)
        return Head(scores, [table], Fractions(model.wh).decode, boxes.shape[1])

    def _pair(self, model: ForeignModel) -> Pair:
        pair = find_pair(model)
        if pair is None:
            raise model.unlike("logits (1, Q, C) and boxes (1, Q, 4)")
        return pair


class Fractions(NamedTuple):
    wh: tuple[int, int]

    def decode(self, graph: GraftedGraph, rows: Sequence[str]) -> str:
        """Boxes (K, 4) of centres and sizes as parts of the input."""
        return corners_of_centres(graph, scaled(graph, rows[0], [*self.wh, *self.wh]))


def find_pair(model: ForeignModel) -> Pair | None:
    """Classes and boxes: two outputs with a row for each query, or the last of several such."""
    outputs = [output for output in model.outputs if len(output.shape) == 3]
    boxes = [
        output for output in outputs
        if output.shape[2] == BOX and output.is_probability() and "logit" not in output.name
    ]  # fmt: skip
    for box in boxes:
        for output in outputs:
            if output.name != box.name and output.shape[:2] == box.shape[:2]:
                return Pair(output, box)
    return None
