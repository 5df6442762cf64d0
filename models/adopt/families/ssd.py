"""SSD (Liu et al., 2016) and its descendants: scores (1, N, 1 + C) and boxes (1, N, 4).

The first class is the background. Boxes are either corners as parts of the input, decoded in the
file, or offsets from anchors, which the file then does not hold: they come with `--anchors`.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.adopt.errors import AdoptError
from models.adopt.families.detr import BOX, MOST_QUERIES
from models.adopt.family import Classes, hard
from models.adopt.foreign_model import ForeignModel, Output
from models.adopt.grafted_graph import GraftedGraph
from models.adopt.head import MOST_GROWTH, Head, corners_of_centres, halves, keep_classes, scaled
from models.adopt.picture import PictureSpec

MOSTLY = 0.99  # of decoded boxes: the right side is right of the left one


class Anchors(NamedTuple):
    boxes: NDArray[np.float32]  # (N, 4) centre, width and height as parts of the input
    variances: tuple[float, float]  # of centres and of sizes


class Ssd:
    name = "ssd"
    picture = PictureSpec(mean=(127.5, 127.5, 127.5), std=(127.5, 127.5, 127.5))
    soft_nms = hard(0.45)

    def __init__(self, anchors: Anchors | None = None) -> None:
        self._anchors = anchors

    def recognises(self, model: ForeignModel) -> bool:
        pair = find_outputs(model)
        return pair is not None and pair[1].shape[1] > MOST_QUERIES

    def classes(self, model: ForeignModel, labels: int) -> int:
        return self._outputs(model)[0].shape[2] - 1

    def add_head(
        self, graph: GraftedGraph, outputs: Mapping[str, str], model: ForeignModel, classes: Classes
    ) -> Head:
        scores, boxes = self._outputs(model)
        count, width = scores.shape[1:]
        rows = graph.rows(outputs[scores.name], width)
        if not scores.is_probability():
            rows = graph.add("Softmax", rows, axis=1)
        foreground = [1 + number for number in classes.kept]
        probabilities = keep_classes(graph, rows, foreground, width)
        table = graph.rows(outputs[boxes.name], BOX)
        if self._anchors is None:
            if not is_decoded(boxes):
                raise AdoptError(
                    f"{model.path}: {boxes} holds offsets from {count} anchors, which are not in "
                    "the file; expected --anchors, an .npy file (N, 4) of centres and sizes from 0 "
                    "to 1"
                )
            return Head(probabilities, [table], Corners(model.wh).decode, count)
        if self._anchors.boxes.shape != (count, BOX):
            raise AdoptError(
                f"--anchors: expected ({count}, {BOX}), as many as {boxes.name} has, got "
                f"{self._anchors.boxes.shape}"
            )
        anchors = graph.floats(self._anchors.boxes, "anchors")
        decode = Offsets(model.wh, self._anchors.variances).decode
        return Head(probabilities, [table, anchors], decode, count)

    def _outputs(self, model: ForeignModel) -> tuple[Output, Output]:
        pair = find_outputs(model)
        if pair is None:
            raise model.unlike("scores (1, N, 1 + C) and boxes (1, N, 4)")
        return pair


class Corners(NamedTuple):
    wh: tuple[int, int]

    def decode(self, graph: GraftedGraph, rows: Sequence[str]) -> str:
        return scaled(graph, rows[0], [*self.wh, *self.wh])


class Offsets(NamedTuple):
    wh: tuple[int, int]
    variances: tuple[float, float]

    def decode(self, graph: GraftedGraph, rows: Sequence[str]) -> str:
        """Boxes (K, 4) of offsets (K, 4), which count in sizes of the anchors (K, 4)."""
        table, anchors = rows
        of_centre, of_size = self.variances
        table = scaled(graph, table, [of_centre, of_centre, of_size, of_size])
        offset, growth = halves(graph, table)
        centre, size = halves(graph, anchors)
        centre = graph.add("Add", centre, graph.add("Mul", offset, size))
        growth = graph.add("Exp", graph.add("Min", growth, graph.floats(MOST_GROWTH, "limit")))
        boxes = graph.add("Concat", centre, graph.add("Mul", size, growth), axis=1)
        return corners_of_centres(graph, scaled(graph, boxes, [*self.wh, *self.wh]))


def find_outputs(model: ForeignModel) -> tuple[Output, Output] | None:
    """Scores and boxes; of two outputs with four columns, the one that is called box or loc."""
    if len(model.outputs) != 2 or any(len(output.shape) != 3 for output in model.outputs):
        return None
    first, second = model.outputs
    if first.shape[:2] != second.shape[:2] or BOX not in (first.shape[2], second.shape[2]):
        return None
    if first.shape[2] == second.shape[2]:
        is_first = any(word in first.name.lower() for word in ("box", "loc"))
    else:
        is_first = first.shape[2] == BOX
    return (second, first) if is_first else (first, second)


def is_decoded(boxes: Output) -> bool:
    low, high = boxes.values[0, :, :2], boxes.values[0, :, 2:]
    return bool((high > low).all(axis=1).mean() > MOSTLY)
