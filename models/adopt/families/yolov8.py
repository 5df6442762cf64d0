"""YOLOv8, v9, v11, v12, and v26 with its head for NMS: one output (1, 4 + C, N), decoded.

A column is centre, width and height in pixels, and class probabilities. There is no objectness.
"""

from collections.abc import Mapping

from models.adopt.families.yolox import decode_centres
from models.adopt.family import Classes, hard
from models.adopt.foreign_model import ForeignModel
from models.adopt.grafted_graph import GraftedGraph
from models.adopt.head import Head, keep_classes, yolo_cells
from models.adopt.picture import ULTRALYTICS_FIT, PictureSpec

BOX = 4


class Yolov8:
    name = "yolov8"
    picture = PictureSpec(fit=ULTRALYTICS_FIT)
    soft_nms = hard(0.7)

    def recognises(self, model: ForeignModel) -> bool:
        shapes = [output.shape for output in model.outputs]
        if len(shapes) != 1 or len(shapes[0]) != 3:
            return False
        _, columns, cells = shapes[0]
        return columns > BOX and cells in yolo_cells(model.wh)

    def classes(self, model: ForeignModel, labels: int) -> int:
        return model.outputs[0].shape[1] - BOX

    def add_head(
        self, graph: GraftedGraph, outputs: Mapping[str, str], model: ForeignModel, classes: Classes
    ) -> Head:
        """Its candidates lie along the second axis, where finding the best is cheaper."""
        (output,) = model.outputs
        _, columns, cells = output.shape
        whole = graph.rows(outputs[output.name], cells)  # (4 + C, N)
        scores = graph.slice(whole, BOX, columns, axis=0)
        scores = keep_classes(graph, scores, classes.kept, classes.size, axis=0)
        boxes = graph.slice(whole, 0, BOX, axis=0)
        return Head(scores, [boxes], decode_centres, cells, axis=1)
