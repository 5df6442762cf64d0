"""YOLOv5, and v7, which has the same head: one output (1, 3 * N, 5 + C), boxes decoded in the file.

A row is centre, width and height in pixels, objectness, and class probabilities. N cells of three
anchors each.
"""

from collections.abc import Mapping

from models.adopt.families.yolox import BOX, OBJECTNESS, add_scores, decode_centres
from models.adopt.family import Classes, hard
from models.adopt.foreign_model import ForeignModel
from models.adopt.grafted_graph import GraftedGraph
from models.adopt.head import Head, yolo_cells
from models.adopt.picture import ULTRALYTICS_FIT, PictureSpec

ANCHORS_PER_CELL = 3


class Yolov5:
    name = "yolov5"
    picture = PictureSpec(fit=ULTRALYTICS_FIT)
    soft_nms = hard(0.6)

    def recognises(self, model: ForeignModel) -> bool:
        first = model.outputs[0].shape  # the maps may follow, undecoded
        if len(first) != 3 or first[2] <= OBJECTNESS:
            return False
        return first[1] in [ANCHORS_PER_CELL * cells for cells in yolo_cells(model.wh)]

    def classes(self, model: ForeignModel, labels: int) -> int:
        return model.outputs[0].shape[2] - OBJECTNESS

    def add_head(
        self, graph: GraftedGraph, outputs: Mapping[str, str], model: ForeignModel, classes: Classes
    ) -> Head:
        output = model.outputs[0]
        rows = graph.rows(outputs[output.name], output.shape[2])
        scores = add_scores(graph, rows, classes, has_logits=False)
        return Head(scores, [graph.columns(rows, 0, BOX)], decode_centres, output.shape[1])
