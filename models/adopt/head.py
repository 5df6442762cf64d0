"""What all heads come to: candidates with scores by class, and boxes in pixels of the input.

N is the number of candidates, K that of the best of them, C that of classes.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.adopt.grafted_graph import GraftedGraph

Decode = Callable[[GraftedGraph, Sequence[str]], str]
# exp(8) strides are far more than any picture is wide; without a limit, a wild value is infinite.
MOST_GROWTH = 8.0


class Head(NamedTuple):
    """Boxes are decoded from rows of tables, of the best candidates alone."""

    scores: str  # (N, C) probabilities
    rows: Sequence[str]  # tensors (N, ?)
    decode: Decode  # boxes (K, 4) xyxy in pixels of the input, from chosen rows (K, ?)
    size: int | None  # N; None: it varies from frame to frame
    axis: int = 0  # of the candidates; 1: scores are (C, N) and rows (?, N)


class Best(NamedTuple):
    boxes: str  # (K, 4)
    scores: str  # (K, C)


def select_best(graph: GraftedGraph, head: Head, most: int, wh: tuple[int, int]) -> Best:
    """The best `most` candidates by their best class, decoded and clipped to the input."""
    with graph.scope("best"):
        tables = [head.scores, *head.rows]
        if head.size is None or head.size > most:
            limit = graph.integers([most], "most")
            best = graph.largest(head.scores, axis=1 - head.axis)
            if head.size is None:
                limit = graph.add("Min", limit, graph.add("Shape", best))
            _, index = graph.add_many("TopK", best, limit, outputs=2)
            tables = [graph.take(table, index, axis=head.axis) for table in tables]
        if head.axis:
            tables = [graph.add("Transpose", table, perm=[1, 0]) for table in tables]
        scores, *rows = tables
        boxes = head.decode(graph, rows)
        low, high = graph.floats([0.0] * 4, "low"), graph.floats([*wh, *wh], "high")
        return Best(graph.add("Min", graph.add("Max", boxes, low), high), scores)


def keep_classes(
    graph: GraftedGraph, scores: str, kept: Sequence[int], classes: int, axis: int = 1
) -> str:
    """The columns of the wanted classes out of (N, classes), or the rows out of (classes, N)."""
    if list(kept) == list(range(classes)):
        return scores
    return graph.take(scores, kept, axis=axis)


def spread_classes(graph: GraftedGraph, score: str, class_id: str, kept: Sequence[int]) -> str:
    """Scores (N, C) of candidates that have one class each: (N, 1) and (N, 1)."""
    ids = graph.floats([list(kept)], "class_ids")
    is_own = graph.add("Equal", class_id, ids)
    return graph.add("Where", is_own, score, graph.floats(0.0, "zero"))


def first_rows(graph: GraftedGraph, rows: Sequence[str]) -> str:
    """Boxes that are decoded already."""
    return rows[0]


def corners_of_centres(graph: GraftedGraph, boxes: str) -> str:
    """xyxy of boxes (N, 4) that are centre, width and height."""
    centre, size = halves(graph, boxes)
    reach = graph.add("Mul", size, graph.floats(0.5, "half"))
    return graph.add(
        "Concat", graph.add("Sub", centre, reach), graph.add("Add", centre, reach), axis=1
    )


def scaled(graph: GraftedGraph, boxes: str, factors: Sequence[float]) -> str:
    return graph.add("Mul", boxes, graph.floats([list(factors)], "factors"))


def halves(graph: GraftedGraph, rows: str) -> list[str]:
    return graph.add_many("Split", rows, graph.integers([2, 2], "halves"), outputs=2, axis=1)


def grid_cells(wh: tuple[int, int], strides: Sequence[int]) -> NDArray[np.float32]:
    """x, y and stride (N, 3) of every cell of every level, cells counted in whole numbers."""
    levels = []
    for stride in strides:
        columns, rows = (-(-side // stride) for side in wh)
        y, x = np.mgrid[:rows, :columns]
        levels.append(np.stack([x.ravel(), y.ravel(), np.full(x.size, stride)], axis=1))
    return np.concatenate(levels).astype(np.float32)


def yolo_cells(wh: tuple[int, int]) -> list[int]:
    """How many cells a YOLO may have for an input: on three levels, or on four, as larger ones."""
    return [count_cells(wh, strides) for strides in ((8, 16, 32), (8, 16, 32, 64))]


def count_cells(wh: tuple[int, int], strides: Sequence[int]) -> int:
    return len(grid_cells(wh, strides))
