"""MobileNetV2 (Table 6): inverted residuals, narrowed by a width multiplier.

Shapes: N images, C channels, t expansion, S input pixels per side.
    images (N, 3, S, S) -> C4 (N, C, S/16, S/16), C5 (N, 1280, S/32, S/32)
"""

from torch import Tensor, nn

from models.thundernet.backbones.plan import MobileNetV2Plan
from models.thundernet.backbones.snet import BackboneMaps
from models.thundernet.layers import Layers

STEM = 32
# Expansion, output channels, units, stride of the first: Table 2 of MobileNetV2.
EARLY = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1))  # to C4
LATE = ((6, 160, 3, 2), (6, 320, 1, 1))  # to C5


def scale_width(channels: int, plan: MobileNetV2Plan) -> int:
    """The width of `channels` under the multiplier; rounding never takes more than a tenth."""
    scaled = channels * plan.width
    rounded = max(plan.divisor, int(scaled + plan.divisor / 2) // plan.divisor * plan.divisor)
    return rounded if rounded >= 0.9 * scaled else rounded + plan.divisor


def convolution(
    in_channels: int, out_channels: int, kernel: int, stride: int, groups: int = 1
) -> list[nn.Module]:
    return [
        nn.Conv2d(
            in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False
        ),
        nn.BatchNorm2d(out_channels),
    ]


class InvertedResidual(nn.Module):
    """Expands t times, convolves depthwise, projects without a nonlinearity."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = in_channels * expansion
        expand = [*convolution(in_channels, inner, 1, 1), nn.ReLU6(inplace=True)]
        self.layers = Layers(
            *(expand if expansion > 1 else []),
            *convolution(inner, inner, 3, stride, groups=inner),
            nn.ReLU6(inplace=True),
            *convolution(inner, out_channels, 1, 1),
        )
        self.is_residual = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return x + out if self.is_residual else out


class MobileNetV2(nn.Module):
    def __init__(self, plan: MobileNetV2Plan) -> None:
        super().__init__()
        stem = scale_width(STEM, plan)
        self.stem = Layers(*convolution(3, stem, 3, 2), nn.ReLU6(inplace=True))
        self.early, self.c4_channels = make_stages(stem, EARLY, plan)
        self.late, width = make_stages(self.c4_channels, LATE, plan)
        self.c5_channels = max(plan.conv5, int(plan.conv5 * plan.width))
        self.conv5 = Layers(*convolution(width, self.c5_channels, 1, 1), nn.ReLU6(inplace=True))

    def forward(self, images: Tensor) -> BackboneMaps:
        c4 = self.early(self.stem(images))
        return BackboneMaps(c4, self.conv5(self.late(c4)))


def make_stages(
    in_channels: int, table: tuple[tuple[int, int, int, int], ...], plan: MobileNetV2Plan
) -> tuple[nn.Sequential, int]:
    """The units of `table`, and the width that leaves them."""
    units = []
    for expansion, channels, count, first_stride in table:
        width = scale_width(channels, plan)
        for number in range(count):
            stride = first_stride if number == 0 else 1
            units.append(InvertedResidual(in_channels, width, stride, expansion))
            in_channels = width
    return nn.Sequential(*units), in_channels
