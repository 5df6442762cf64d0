"""PSRoIAlign (Sec. 3.2) by the standard RoiAlign: every bin is an RoI of its own.

Bin (i, j) reads channels of its own, so the map is viewed as p*p images of alpha channels, and
each RoI becomes p*p RoIs of one cell, one per image. RoiAlign over all channels at once would
compute p*p times more and throw all but a diagonal away (15 times slower when measured).

Two properties of RoiAlign matter:
- `output_half_pixel` widens RoIs to one cell, and a bin is a seventh of an RoI: wrong. `half_pixel`
  leaves them, but shifts by half a cell; half a cell is added to come back to `psroi_align`.
- its mode "max" takes the maximum over weighted corners. For the maximum of samples, each sample
  becomes an output cell instead.

Shapes: features (1, p*p*D, H, W), channel = bin * D + d; rois (R, 4) -> (R, p*p*D).
"""

import numpy as np
from numpy.typing import NDArray

from models.export.channels import PADDING, Feature
from models.export.graph import GraphBuilder
from models.thundernet.config import STRIDE, ThunderNetConfig
from models.thundernet.input_shape import InputShape
from models.thundernet.psroi_align import MIN_SIZE, SAMPLES


def add_psroi_align(
    graph: GraphBuilder,
    features: Feature,
    rois: str,
    config: ThunderNetConfig,
    shape: InputShape,
) -> str:
    bins, depth = config.pool_size**2, config.pool_channels
    cells = [size // STRIDE for size in shape]
    with graph.scope("psroi_align"):
        maps = add_bin_maps(graph, features, [bins, depth, *cells])
        edges = add_bin_edges(graph, rois, config.pool_size)  # (R * bins, 4)
        images = add_bin_images(graph, rois, bins)  # (R * bins,)
        mean = config.pool_reduction == "mean"
        pooled = graph.add(
            "RoiAlign",
            maps,
            edges,
            images,
            coordinate_transformation_mode="half_pixel",
            mode="avg",
            output_height=1 if mean else SAMPLES,
            output_width=1 if mean else SAMPLES,
            sampling_ratio=SAMPLES if mean else 1,
            spatial_scale=1 / STRIDE,
        )  # (R * bins, D, 1, 1)
        if not mean:
            pooled = graph.add("ReduceMax", pooled, axes=[2, 3])
        return graph.add("Reshape", pooled, graph.integers([-1, bins * depth], "shape"))


def add_bin_maps(graph: GraphBuilder, features: Feature, shape: list[int]) -> str:
    """The map as one image per bin, padding cut off."""
    count = shape[0] * shape[1]
    if not np.array_equal(features.channels[:count], np.arange(count)):
        raise ValueError("features: expected channels in bin order, padding last")
    tensor = features.tensor
    if PADDING in features.channels:
        start, end, axis = (graph.integers([value]) for value in (0, count, 1))
        tensor = graph.add("Slice", tensor, start, end, axis)
    return graph.add("Reshape", tensor, graph.integers(shape, "shape"))


def add_bin_edges(graph: GraphBuilder, rois: str, side: int) -> str:
    """Boxes (R * p * p, 4) of all bins: linear in (x1, y1, w, h), so one matrix product."""
    split = graph.integers([2, 2], "halves")
    low, high = graph.add_many("Split", rois, split, outputs=2, axis=1)  # (R, 2)
    min_size = graph.floats(MIN_SIZE * STRIDE, "min_size")
    sides = graph.add("Max", graph.add("Sub", high, low), min_size)
    corner_and_sides = graph.add("Concat", low, sides, axis=1)  # (R, 4)
    weight = graph.floats(edge_weights(side), "edge_weights")
    half_cell = graph.floats(np.full(4 * side**2, STRIDE / 2), "half_cell")
    edges = graph.add("Gemm", corner_and_sides, weight, half_cell)  # (R, p * p * 4)
    return graph.add("Reshape", edges, graph.integers([-1, 4], "shape"))


def edge_weights(side: int) -> NDArray[np.float64]:
    """Matrix (4, p * p * 4) from (x1, y1, w, h) to xyxy of every bin (i, j) in order."""
    row, column = np.divmod(np.arange(side**2), side)
    weights = np.zeros((4, side**2, 4))
    weights[[0, 1, 0, 1], :, [0, 1, 2, 3]] = 1  # x1 and y1 move every edge
    weights[2, :, [0, 2]] = np.stack((column, column + 1)) / side
    weights[3, :, [1, 3]] = np.stack((row, row + 1)) / side
    return weights.reshape(4, -1)


def add_bin_images(graph: GraphBuilder, rois: str, bins: int) -> str:
    """For every bin of every RoI the image that it reads: 0 .. p*p-1, again and again."""
    count = graph.add("Shape", rois, end=1)  # (1,): R
    shape = graph.add("Concat", count, graph.integers([bins], "bins"), axis=0)
    images = graph.add("Expand", graph.integers([np.arange(bins)], "bin"), shape)  # (R, bins)
    return graph.add("Reshape", images, graph.integers([-1], "shape"))
