"""R-CNN subnet (Sec. 3.2): fully connected layers, then class logits and box deltas.

The paper's has one hidden layer and class-agnostic boxes: only this meets its operation counts. The
authors' published code has two layers and a box per class; both are configuration.

Shapes: R RoIs per image, K classes; pooled (N, R, alpha*p*p) -> logits (N, R, K + 1), deltas
(N, R, 4), or (N, R, K, 4) with a box per class. Class 0 is background, which has no box.
"""

from itertools import pairwise
from typing import NamedTuple

from torch import Tensor, nn

from models.thundernet.box_coder import ROI_STDS, decode


class RoiOutput(NamedTuple):
    class_logits: Tensor  # (N, R, K + 1)
    deltas: Tensor  # (N, R, 4) or (N, R, K, 4)
    hidden: Tensor  # (N, R, 1024), what both are made from


class RoiHead(nn.Module):
    OUTPUTS = ("classify", "box")

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        num_classes: int,
        hidden_layers: int = 1,
        class_specific_boxes: bool = False,
    ) -> None:
        super().__init__()
        widths = [in_channels, *[hidden_channels] * hidden_layers]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.ReLU(inplace=True)]
        self.hidden = nn.Sequential(*layers)
        self.classify = nn.Linear(hidden_channels, num_classes + 1)
        self.class_specific_boxes = class_specific_boxes
        # Outputs in (class, 4) order where every class has a box.
        self.box = nn.Linear(hidden_channels, num_classes * 4 if class_specific_boxes else 4)

    def forward(self, pooled: Tensor) -> RoiOutput:
        hidden = self.hidden(pooled)  # (N, R, 1024)
        deltas = self.box(hidden)
        if self.class_specific_boxes:
            deltas = deltas.unflatten(-1, (-1, 4))  # (N, R, K, 4)
        return RoiOutput(self.classify(hidden), deltas, hidden)


def deltas_of_class(deltas: Tensor, classes: Tensor) -> Tensor:
    """The deltas (N, R, 4) that answer for `classes` (N, R); for background, those of class 1."""
    if deltas.dim() == classes.dim() + 1:
        return deltas
    row = (classes - 1).clamp(min=0)[..., None, None]  # (N, R, 1, 1)
    return deltas.gather(-2, row.expand(*row.shape[:-1], 4)).squeeze(-2)


def decode_rois(rois: Tensor, deltas: Tensor) -> Tensor:
    """Boxes of the shape of `deltas`; rois (N, R, 4), which all classes of an RoI share."""
    if deltas.dim() > rois.dim():
        rois = rois.unsqueeze(-2)  # (N, R, 1, 4)
    return decode(rois, deltas, ROI_STDS)
