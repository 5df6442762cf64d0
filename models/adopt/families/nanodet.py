"""NanoDet (v0.x) and NanoDet-Plus: class probabilities, and distances to the four sides.

A distance is the mean of a distribution over whole strides (Generalized Focal Loss, Li et al.,
2020), given as logits. v0.x has three levels and measures from the middle of a cell; Plus has four
and measures from its corner. The outputs are either one (1, N, C + 4 * bins), or a pair (1, n, C)
and (1, n, 4 * bins) for each level.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from models.adopt.family import Classes, hard
from models.adopt.foreign_model import ForeignModel, Output
from models.adopt.grafted_graph import GraftedGraph
from models.adopt.head import Head, count_cells, grid_cells, keep_classes
from models.adopt.picture import PictureSpec
from stages.kernels.fit import Fit, Letterbox

SIDES = 4
DEFAULT_BINS = 8  # reg_max 7, which all published models have


class Version(NamedTuple):
    strides: tuple[int, ...]
    offset: float  # of the point that distances count from, in strides from the cell's corner


VERSIONS = (Version((8, 16, 32), 0.5), Version((8, 16, 32, 64), 0.0))


class Level(NamedTuple):
    classes: Output
    distances: Output


class Nanodet:
    name = "nanodet"
    picture = PictureSpec(
        colour="bgr",
        mean=(103.53, 116.28, 123.675),
        std=(57.375, 57.12, 58.395),
        fit=Fit(letterbox=Letterbox(align="centre", pad=(0, 0, 0))),
    )
    soft_nms = hard(0.6)

    def recognises(self, model: ForeignModel) -> bool:
        return find_version(model) is not None

    def classes(self, model: ForeignModel, labels: int) -> int:
        if len(model.outputs) == 1:
            return model.outputs[0].shape[2] - SIDES * bins_of(model, labels)
        return find_levels(model)[0].classes.shape[2]

    def add_head(
        self, graph: GraftedGraph, outputs: Mapping[str, str], model: ForeignModel, classes: Classes
    ) -> Head:
        version = find_version(model)
        assert version is not None, "add_head: expected a model that was recognised"
        cells = grid_cells(model.wh, version.strides)
        points = cells + np.array([version.offset, version.offset, 0], np.float32)
        if len(model.outputs) == 1:
            (output,) = model.outputs
            width = output.shape[2]
            rows = graph.rows(outputs[output.name], width)
            probabilities = graph.columns(rows, 0, classes.size)
            distances = graph.columns(rows, classes.size, width)
            bins = (width - classes.size) // SIDES
        else:
            levels = find_levels(model)
            probabilities, distances = (
                graph.add("Concat", *(
                    graph.rows(outputs[output.name], output.shape[2]) for output in column
                ), axis=0)
                for column in zip(*levels, strict=True)
            )  # fmt: skip
            bins = levels[0].distances.shape[2] // SIDES
        scores = keep_classes(graph, probabilities, classes.kept, classes.size)
        table = graph.floats(points, "points")
        return Head(scores, [distances, table], Distances(bins).decode, len(cells))


class Distances(NamedTuple):
    bins: int

    def decode(self, graph: GraftedGraph, rows: Sequence[str]) -> str:
        """Boxes (K, 4) of the chosen logits (K, 4 * bins) and points (K, 3)."""
        logits, points = rows
        shape = graph.integers([-1, SIDES, self.bins], "shape")
        distribution = graph.add("Softmax", graph.add("Reshape", logits, shape), axis=2)
        steps = graph.floats(np.arange(self.bins)[:, None], "steps")
        distances = graph.add("MatMul", distribution, steps)  # (K, 4, 1)
        distances = graph.add("Squeeze", distances, graph.axes(2))
        signs = graph.floats([[-1.0, -1.0, 1.0, 1.0]], "signs")
        centre, stride = graph.columns(points, 0, 2), graph.columns(points, 2, 3)
        centres = graph.add("Concat", centre, centre, axis=1)
        boxes = graph.add("Add", centres, graph.add("Mul", distances, signs))
        return graph.add("Mul", boxes, stride)


def find_version(model: ForeignModel) -> Version | None:
    """The version whose levels the outputs have."""
    for version in VERSIONS:
        sizes = [count_cells(model.wh, [stride]) for stride in version.strides]
        shapes = [output.shape for output in model.outputs]
        if not all(len(shape) == 3 for shape in shapes):
            return None
        if sorted(shape[1] for shape in shapes) in (sorted(2 * sizes), [sum(sizes)]):
            return version
    return None


def find_levels(model: ForeignModel) -> list[Level]:
    """The pairs of outputs, finest level first; classes are those that hold probabilities."""
    by_size: dict[int, list[Output]] = {}
    for output in model.outputs:
        by_size.setdefault(output.shape[1], []).append(output)
    levels = []
    for _, pair in sorted(by_size.items(), reverse=True):
        pair.sort(key=lambda output: not output.is_probability())
        level = Level(*pair)
        if level.distances.is_probability() or level.distances.shape[2] % SIDES:
            raise model.unlike("probabilities and logits of distances in each level")
        levels.append(level)
    return levels


def bins_of(model: ForeignModel, labels: int) -> int:
    """Bins of a distance, by the number of labels if they fit, else the usual ones."""
    rest = model.outputs[0].shape[2] - labels
    return rest // SIDES if rest > 0 and rest % SIDES == 0 and labels else DEFAULT_BINS
