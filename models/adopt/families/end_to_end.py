"""YOLOv10 and v26, and exports of YOLOv5 to v12 with NMS inside: one output (1, K, 6).

A row is a detection: xyxy in pixels, score and class. Each object has one, so nothing is to be
suppressed.
"""

from collections.abc import Mapping

from models.adopt.family import ONCE, Classes
from models.adopt.foreign_model import ForeignModel
from models.adopt.grafted_graph import GraftedGraph
from models.adopt.head import Head, first_rows, spread_classes
from models.adopt.picture import ULTRALYTICS_FIT, PictureSpec

COLUMNS = 6
MOST = 1000  # detections: beyond that it is something else


class EndToEnd:
    name = "end-to-end"
    picture = PictureSpec(fit=ULTRALYTICS_FIT)
    soft_nms = ONCE

    def recognises(self, model: ForeignModel) -> bool:
        shapes = [output.shape for output in model.outputs]
        return len(shapes) == 1 and len(shapes[0]) == 3 and is_list(shapes[0])

    def classes(self, model: ForeignModel, labels: int) -> None:
        return None

    def add_head(
        self, graph: GraftedGraph, outputs: Mapping[str, str], model: ForeignModel, classes: Classes
    ) -> Head:
        (output,) = model.outputs
        rows = graph.rows(outputs[output.name], COLUMNS)
        score, class_id = graph.columns(rows, 4, 5), graph.columns(rows, 5, 6)
        scores = spread_classes(graph, score, class_id, classes.kept)
        count = None if output.varies else output.shape[1]
        return Head(scores, [graph.columns(rows, 0, 4)], first_rows, count or None)


def is_list(shape: tuple[int, ...]) -> bool:
    return shape[0] == 1 and shape[1] <= MOST and shape[2] == COLUMNS
