"""R-CNN subnet (Sec. 3.2): one fully connected layer, then class logits and box deltas.

Shapes: R RoIs per image; pooled (N, R, alpha*p*p) -> logits (N, R, K + 1), deltas (N, R, 4).
Class 0 is background. Boxes are class-agnostic: only this meets the paper's operation counts.
"""

from typing import NamedTuple

from torch import Tensor, nn


class RoiOutput(NamedTuple):
    class_logits: Tensor  # (N, R, K + 1)
    deltas: Tensor  # (N, R, 4)


class RoiHead(nn.Module):
    def __init__(self, in_channels: int, hidden_channels: int, num_classes: int) -> None:
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(in_channels, hidden_channels), nn.ReLU(inplace=True))
        self.classify = nn.Linear(hidden_channels, num_classes + 1)
        self.box = nn.Linear(hidden_channels, 4)

    def forward(self, pooled: Tensor) -> RoiOutput:
        hidden = self.hidden(pooled)  # (N, R, 1024)
        return RoiOutput(self.classify(hidden), self.box(hidden))
