"""Where the authors' published detector keeps each weight, and in which order.

Their detector is built on mmdetection 2. It computes what ours computes; what differs is names and
the order of channels:

- images are RGB, ours BGR;
- PSRoIAlign reads channel d * p * p + bin, ours bin * alpha + d: bins side by side let one RoI read
  a contiguous row;
- anchors of a cell count scales first and then ratios, ours the other way round;
- background is the last class, ours the first.

Shapes: p*p bins, alpha channels per bin, A anchors per cell, K classes.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from models.thundernet.config import ThunderNetConfig
from models.thundernet.thundernet import ThunderNet

# Parts of our names and of theirs. What stands in a unit or in a sequence has the same numbers.
NAMES = {
    "backbone.conv1.": "backbone.first_conv.",
    "backbone.stage2.": "backbone.stage.0.",
    "backbone.stage3.": "backbone.stage.1.",
    "backbone.stage4.": "backbone.stage.2.",
    ".left.": ".branch_left.",
    ".right.": ".branch.",
    "context.project.c4.": "neck.C4.",
    "context.project.c5.": "neck.C5.",
    "context.project.global.": "neck.Cglb.",
    "rpn.shared.": "rpn_head.rpn_conv.",
    "rpn.objectness.": "rpn_head.rpn_cls.",
    "rpn.box.": "rpn_head.rpn_reg.",
    "sam.theta.": "rpn_head.sam_convs.",
    "roi_head.hidden.0.": "roi_head.bbox_head.shared_fcs.0.",
    "roi_head.hidden.2.": "roi_head.bbox_head.shared_fcs.1.",
    "roi_head.classify.": "roi_head.bbox_head.fc_cls.",
    "roi_head.box.": "roi_head.bbox_head.fc_reg.",
}
# Our names by their beginning: the axis whose order differs, and which order it is.
ORDERED_AXES = {
    "backbone.conv1.0.weight": (1, "colour"),
    "context.project.": (0, "context"),
    "rpn.shared.0.weight": (0, "context"),  # depthwise
    "rpn.shared.1.": (0, "context"),
    "rpn.shared.3.weight": (1, "context"),
    "rpn.objectness.": (0, "anchor"),
    "rpn.box.": (0, "anchor side"),
    "sam.theta.": (0, "context"),
    "roi_head.hidden.0.weight": (1, "context"),
    "roi_head.classify.": (0, "class"),
}
# Batch norm counts its batches, and needs the count only for a momentum that is not used here.
IGNORED = ".num_batches_tracked"
# Constants of ours that are no weights of theirs, but settings of their input pipeline.
OWN_BUFFERS = ("pixel_mean", "pixel_std")


class Source(NamedTuple):
    """The tensor of theirs that fills one of ours."""

    name: str
    shape: tuple[int, ...]
    axis: int = 0
    order: Tensor | None = None  # our place i along the axis is their place order[i]

    def rearrange(self, value: Tensor) -> Tensor:
        return value if self.order is None else value.index_select(self.axis, self.order)


def find_sources(model: ThunderNet) -> dict[str, Source]:
    """For every weight of `model`, by name, what fills it."""
    orders = make_orders(model.config)
    return {
        name: make_source(name, value, orders)
        for name, value in model.state_dict().items()
        if name not in OWN_BUFFERS and not name.endswith(IGNORED)
    }


def make_source(name: str, value: Tensor, orders: dict[str, Tensor]) -> Source:
    shape = tuple(value.shape)
    for beginning, (axis, order) in ORDERED_AXES.items():
        if name.startswith(beginning):
            return Source(to_theirs(name), shape, axis, orders[order])
    return Source(to_theirs(name), shape)


def to_theirs(name: str) -> str:
    for ours, theirs in NAMES.items():
        name = name.replace(ours, theirs)
    return name


def make_orders(config: ThunderNetConfig) -> dict[str, Tensor]:
    """For each kind of axis, their places in our order."""
    anchor = swap(len(config.anchor_ratios), len(config.anchor_scales))  # (A,)
    return {
        "colour": torch.tensor([2, 1, 0]),
        "context": swap(config.pool_channels, config.pool_size**2),  # (alpha * p * p,)
        "anchor": anchor,
        "anchor side": (anchor[:, None] * 4 + torch.arange(4)).flatten(),  # (A * 4,)
        "class": torch.arange(-1, config.num_classes) % (config.num_classes + 1),  # (K + 1,)
    }


def swap(outer: int, inner: int) -> Tensor:
    """Places in an (outer, inner) order, listed in (inner, outer) order."""
    return torch.arange(outer * inner).view(outer, inner).T.flatten()
