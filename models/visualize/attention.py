"""Figure 6: the map that RoIs are pooled from, before and after SAM (Sec. 3.3, Eq. 1).

The paper shows two networks, one trained without SAM and one with it. Here both maps are of one
network: F_CEM goes into SAM and F_SAM comes out.

Shapes: S pixels per side of the network input, H = W = S/16 cells.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models.data.image_cache import warp
from models.errors import ConfigError
from models.thundernet.thundernet import ThunderNet
from models.visualize.detections import draw_labelled
from models.visualize.labelled_image import LabelledImage

CELL_INCHES = 3.0  # width of one image
TITLE_INCHES = 0.4
COLOURS = "magma"
EPSILON = 1e-9


class AttentionMaps(NamedTuple):
    """Mean magnitude over the channels of each cell, (H, W)."""

    before: NDArray[np.float32]  # of F_CEM
    after: NDArray[np.float32]  # of F_SAM

    @property
    def kept(self) -> NDArray[np.floating]:
        """Part of each cell's magnitude that SAM lets through, 0 to 1."""
        return self.after / np.maximum(self.before, EPSILON)


@torch.no_grad()
def attention_maps(model: ThunderNet, frame: NDArray[np.uint8]) -> AttentionMaps:
    """The maps of one BGR frame (H, W, 3), warped as the detector sees it."""
    planes = torch.from_numpy(np.ascontiguousarray(warp(frame, model.config.input_size)))
    dense = model(model.normalize(planes[None].float()))
    before, after = (
        features[0].abs().mean(dim=0).numpy() for features in (dense.context, dense.features)
    )
    return AttentionMaps(before, after)


def check_attention(model: ThunderNet) -> None:
    if model.sam is None:
        raise ConfigError("attention: expected a network with spatial_attention, got one without")


def draw_attention(
    images: Sequence[LabelledImage], model: ThunderNet, labels: Sequence[str]
) -> Figure:
    """One row per image: image, F_CEM, F_SAM, their ratio, and what is labelled."""
    titles = ["image", "before SAM", "after SAM", "kept by SAM"]
    if any(image.objects is not None for image in images):
        titles.append("labelled")
    heights = [image.frame.shape[0] / image.frame.shape[1] for image in images]
    size = (CELL_INCHES * len(titles), CELL_INCHES * sum(heights) + TITLE_INCHES)
    figure = Figure(size, layout="constrained")
    grid = figure.subplots(len(images), len(titles), squeeze=False, height_ratios=heights)
    for axes in grid.flat:
        axes.axis("off")
    for axes, title in zip(grid[0], titles, strict=True):
        axes.set_title(title)
    maps = [attention_maps(model, image.frame) for image in images]
    everywhere = np.stack([of_one.kept for of_one in maps])
    limits = float(everywhere.min()), float(everywhere.max())
    for row, image, of_one in zip(grid, images, maps, strict=True):
        draw_row(list(row), image, of_one, limits, labels)
    grid[0, 3].set_title("kept by SAM: {:.2f} to {:.2f}".format(*limits))
    return figure


def draw_row(
    row: Sequence[Axes],
    image: LabelledImage,
    maps: AttentionMaps,
    kept_limits: tuple[float, float],
    labels: Sequence[str],
) -> None:
    wh = image.frame.shape[1], image.frame.shape[0]
    row[0].imshow(image.frame[..., ::-1])
    # A magnitude has no unit: either map goes from its own least to its own most.
    draw_map(row[1], maps.before, wh, (None, None))
    draw_map(row[2], maps.after, wh, (None, None))
    draw_map(row[3], maps.kept, wh, kept_limits)
    if image.objects is not None:
        row[4].imshow(draw_labelled(image.frame, image.objects, labels)[..., ::-1])


def draw_map(
    axes: Axes,
    values: NDArray[np.floating],
    wh: tuple[int, int],
    limits: tuple[float | None, float | None],
) -> None:
    """The map over the whole frame: cell i is centred on pixel 16 i of the network input."""
    width, height = wh
    left, top = (-side / cells / 2 for side, cells in zip(wh, values.shape[::-1], strict=True))
    extent = (left, left + width, top + height, top)
    low, high = limits
    axes.imshow(values, COLOURS, vmin=low, vmax=high, extent=extent, interpolation="bilinear")
    axes.set(xlim=(0, width), ylim=(height, 0), facecolor="black")
