"""YOLOX (Ge et al., 2021): one output (1, N, 5 + C) over three grids, one anchor point per cell.

A row is box, objectness and class probabilities. The box is that of the file if it was exported
with `decode_in_inference`; else centre and log sizes count from the cell, in strides.
"""

from collections.abc import Mapping, Sequence

from models.adopt.family import Classes, hard
from models.adopt.foreign_model import ForeignModel
from models.adopt.grafted_graph import GraftedGraph
from models.adopt.head import (
    MOST_GROWTH,
    Head,
    corners_of_centres,
    count_cells,
    grid_cells,
    halves,
    keep_classes,
)
from models.adopt.picture import GREY, PictureSpec
from stages.kernels.fit import Fit, Letterbox

STRIDES = (8, 16, 32)
BOX, OBJECTNESS = 4, 5  # columns up to the end of each


class Yolox:
    name = "yolox"
    picture = PictureSpec(
        colour="bgr", std=(1.0, 1.0, 1.0), fit=Fit(letterbox=Letterbox(align="top_left", pad=GREY))
    )
    soft_nms = hard(0.65)

    def recognises(self, model: ForeignModel) -> bool:
        shapes = [output.shape for output in model.outputs]
        if len(shapes) != 1 or len(shapes[0]) != 3:
            return False
        _, cells, columns = shapes[0]
        return cells == count_cells(model.wh, STRIDES) and columns > OBJECTNESS

    def classes(self, model: ForeignModel, labels: int) -> int:
        return model.outputs[0].shape[2] - OBJECTNESS

    def add_head(
        self, graph: GraftedGraph, outputs: Mapping[str, str], model: ForeignModel, classes: Classes
    ) -> Head:
        (output,) = model.outputs
        rows = graph.rows(outputs[output.name], output.shape[2])
        scores = add_scores(graph, rows, classes, has_logits=not has_probabilities(model))
        boxes = graph.columns(rows, 0, BOX)
        if "Exp" in model.operators:
            return Head(scores, [boxes], decode_centres, output.shape[1])
        cells = graph.floats(grid_cells(model.wh, STRIDES), "cells")
        return Head(scores, [boxes, cells], decode_cells, output.shape[1])


def has_probabilities(model: ForeignModel) -> bool:
    rows = model.outputs[0].values[0, :, BOX:]
    return bool(((rows >= 0) & (rows <= 1)).all())


def add_scores(graph: GraftedGraph, rows: str, classes: Classes, has_logits: bool) -> str:
    """Class probability times objectness, (N, C)."""
    if has_logits:
        rows = graph.add("Sigmoid", rows)
    objectness = graph.columns(rows, BOX, OBJECTNESS)
    probabilities = graph.columns(rows, OBJECTNESS, OBJECTNESS + classes.size)
    kept = keep_classes(graph, probabilities, classes.kept, classes.size)
    return graph.add("Mul", kept, objectness)


def decode_centres(graph: GraftedGraph, rows: Sequence[str]) -> str:
    return corners_of_centres(graph, rows[0])


def decode_cells(graph: GraftedGraph, rows: Sequence[str]) -> str:
    boxes, cells = rows
    offset, growth = halves(graph, boxes)
    corner, stride = graph.columns(cells, 0, 2), graph.columns(cells, 2, 3)
    growth = graph.add("Exp", graph.add("Min", growth, graph.floats(MOST_GROWTH, "limit")))
    joined = graph.add("Concat", graph.add("Add", offset, corner), growth, axis=1)
    return corners_of_centres(graph, graph.add("Mul", joined, stride))
