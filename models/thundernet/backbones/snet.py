"""SNet, the backbone (Sec. 3.1, Table 1): ShuffleNetV2 units with 5x5 depthwise convolutions.

Shapes: N images, C channels, S input pixels per side.
    images (N, 3, S, S) -> C4 (N, C, S/16, S/16), C5 (N, C', S/32, S/32)
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.thundernet.backbones.plan import PLANS, SNetPlan
from models.thundernet.layers import Layers
from models.thundernet.native import halves
from models.thundernet.native import stem as native_stem

KERNEL = 5  # larger receptive field for little cost, Sec. 3.1
UNITS_PER_STAGE = (4, 8, 4)  # the first of each has stride 2


class BackboneMaps(NamedTuple):
    c4: Tensor
    c5: Tensor


def pointwise(in_channels: int, out_channels: int) -> list[nn.Module]:
    return [
        nn.Conv2d(in_channels, out_channels, 1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    ]


def depthwise(channels: int, stride: int, kernel: int = KERNEL) -> list[nn.Module]:
    """No ReLU follows a depthwise convolution (ShuffleNetV2)."""
    return [
        nn.Conv2d(channels, channels, kernel, stride, kernel // 2, groups=channels, bias=False),
        nn.BatchNorm2d(channels),
    ]


def stem(channels: int) -> list[nn.Module]:
    return [
        nn.Conv2d(3, channels, 3, 2, 1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
    ]


class BasicUnit(nn.Module):
    """Stride-1 unit: even channels pass through, odd channels are convolved.

    De-interleaving at the start is the channel shuffle of the unit before.
    """

    def __init__(self, channels: int, kernel: int = KERNEL, double_depthwise: bool = False) -> None:
        super().__init__()
        half = channels // 2
        self.branch = Layers(
            *(depthwise(half, 1, kernel) if double_depthwise else []),
            *pointwise(half, half),
            *depthwise(half, 1, kernel),
            *pointwise(half, half),
        )

    def forward(self, x: Tensor) -> Tensor:
        if halves.serves(x):
            even, odd = halves.split(x)
            convolved = self.branch(odd)
            if halves.serves(convolved):  # not in the narrower numbers of autocast
                return halves.join(even, convolved)
            return torch.cat((even, convolved), dim=1)
        # Unbinding the last axis of the NHWC view gives x[:, 0::2] and x[:, 1::2]. The gradient is
        # one interleaving copy; that of two slices is two fills, two copies and a sum.
        pairs = x.permute(0, 2, 3, 1).unflatten(3, (-1, 2))  # (N, H, W, C/2, 2)
        even, odd = (half.permute(0, 3, 1, 2) for half in pairs.unbind(dim=-1))
        return torch.cat((even, self.branch(odd)), dim=1)


class DownUnit(nn.Module):
    """Stride-2 unit: both branches see every channel.

    Balanced branches give half of the output each, which reproduces the paper's operation counts;
    otherwise the left branch keeps the input's width, as the authors' published code does.
    """

    def __init__(
        self, in_channels: int, out_channels: int, balanced: bool, kernel: int, double: bool
    ) -> None:
        super().__init__()
        half = out_channels // 2
        left = half if balanced else in_channels
        self.left = Layers(*depthwise(in_channels, 2, kernel), *pointwise(in_channels, left))
        self.right = Layers(
            *(depthwise(in_channels, 1, kernel) if double else []),
            *pointwise(in_channels, half),
            *depthwise(half, 2, kernel),
            *pointwise(half, out_channels - left),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((self.left(x), self.right(x)), dim=1)


class SNet(nn.Module):
    """A named plan's network, or that of any plan of ShuffleNetV2 units."""

    def __init__(self, plan: str | SNetPlan, balanced: bool = True) -> None:
        super().__init__()
        if isinstance(plan, str):
            plan = PLANS[plan]
        self.conv1 = Layers(*stem(plan.stem))
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        widths = (plan.stem, *plan.stages)
        self.stage2, self.stage3, self.stage4 = (
            make_stage(plan, widths[i], widths[i + 1], UNITS_PER_STAGE[i], balanced)
            for i in range(3)
        )
        self.conv5: nn.Module = nn.Identity()
        if plan.conv5 is not None:
            self.conv5 = Layers(*pointwise(plan.stages[-1], plan.conv5))
        self.c4_channels = plan.stages[1]
        self.c5_channels = plan.conv5 or plan.stages[-1]

    def forward(self, images: Tensor) -> BackboneMaps:
        x = self.begin(images)  # (N, C, S/4, S/4)
        c4 = self.stage3(self.stage2(x))
        return BackboneMaps(c4, self.conv5(self.stage4(c4)))

    def begin(self, images: Tensor) -> Tensor:
        """conv1 and the max pool."""
        if native_stem.serves(images, self.conv1, self.maxpool):
            return native_stem.stem(images, self.conv1)
        pooled: Tensor = self.maxpool(self.conv1(images))
        return pooled


def make_stage(
    plan: SNetPlan, in_channels: int, out_channels: int, units: int, balanced: bool
) -> nn.Sequential:
    kernel, double = plan.kernel, plan.double_depthwise
    down = DownUnit(in_channels, out_channels, balanced, kernel, double)
    basics = (BasicUnit(out_channels, kernel, double) for _ in range(units - 1))
    return nn.Sequential(down, *basics)
