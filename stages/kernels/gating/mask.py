"""Parts of a picture where motion does not count."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stages.kernels.boxes import Wh
from stages.kernels.gating.relief import block_grid
from stages.kernels.regions.polygons import Polygons

Polygon = tuple[tuple[float, float], ...]  # corners (x, y) in shares of width and height


def ignored_blocks(picture_wh: Wh, polygons: Sequence[Polygon]) -> NDArray[np.bool_]:
    """The blocks (rows, columns) whose centre lies in a polygon."""
    rows, columns = block_grid(picture_wh)
    if not polygons:
        return np.zeros((rows, columns), np.bool_)
    inside = Polygons([np.array(polygon, float) * (columns, rows) for polygon in polygons])
    y, x = np.mgrid[:rows, :columns] + 0.5
    centres = np.stack([x, y], 2).reshape(-1, 1, 2)
    ignored = inside.contain(np.broadcast_to(centres, (rows * columns, len(polygons), 2)))
    blocks: NDArray[np.bool_] = ignored.any(1).reshape(rows, columns)
    return blocks
