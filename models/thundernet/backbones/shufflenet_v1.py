"""ShuffleNetV1 (Table 6): bottlenecks of grouped 1x1 convolutions with a channel shuffle.

With one group there is nothing to shuffle and the unit is what its authors call Xception-like.

Shapes: N images, C channels, G groups, S input pixels per side.
    images (N, 3, S, S) -> C4 (N, C, S/16, S/16), C5 (N, 2 C, S/32, S/32)
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.thundernet.backbones.plan import ShuffleNetV1Plan
from models.thundernet.backbones.snet import UNITS_PER_STAGE, BackboneMaps, depthwise, stem
from models.thundernet.layers import Layers

BOTTLENECK = 4  # a unit's width over that of its 3x3 convolution


class ShuffleUnit(nn.Module):
    """Adds to its input; with stride 2 it is joined to its pooled input instead."""

    def __init__(
        self, in_channels: int, out_channels: int, stride: int, groups: int, first_groups: int
    ) -> None:
        super().__init__()
        self.stride, self.groups = stride, groups
        inner = out_channels // BOTTLENECK
        computed = out_channels - in_channels if stride == 2 else out_channels
        self.squeeze = Layers(
            nn.Conv2d(in_channels, inner, 1, groups=first_groups, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(inplace=True),
        )
        self.expand = Layers(
            *depthwise(inner, stride, kernel=3),
            nn.Conv2d(inner, computed, 1, groups=groups, bias=False),
            nn.BatchNorm2d(computed),
        )

    def forward(self, x: Tensor) -> Tensor:
        out = self.squeeze(x).unflatten(1, (self.groups, -1))  # (N, G, C/G, H, W)
        out = self.expand(out.transpose(1, 2).flatten(1, 2))
        if self.stride == 1:
            return F.relu(x + out)
        return F.relu(torch.cat((F.avg_pool2d(x, 3, 2, 1), out), dim=1))


class ShuffleNetV1(nn.Module):
    def __init__(self, plan: ShuffleNetV1Plan) -> None:
        super().__init__()
        self.stem = Layers(*stem(plan.stem), nn.MaxPool2d(3, 2, 1))
        widths = (plan.stem, *plan.stages)
        # The stem is too narrow for a grouped convolution, as published.
        first_groups = (1, plan.groups, plan.groups)
        self.stage2, self.stage3, self.stage4 = (
            make_stage(widths[i], widths[i + 1], UNITS_PER_STAGE[i], plan.groups, first_groups[i])
            for i in range(3)
        )
        self.c4_channels, self.c5_channels = plan.stages[1:]

    def forward(self, images: Tensor) -> BackboneMaps:
        c4 = self.stage3(self.stage2(self.stem(images)))
        return BackboneMaps(c4, self.stage4(c4))


def make_stage(
    in_channels: int, out_channels: int, units: int, groups: int, first_groups: int
) -> nn.Sequential:
    down = ShuffleUnit(in_channels, out_channels, 2, groups, first_groups)
    basics = (ShuffleUnit(out_channels, out_channels, 1, groups, groups) for _ in range(units - 1))
    return nn.Sequential(down, *basics)
