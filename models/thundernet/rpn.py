"""Region Proposal Network, lightened (Sec. 3.2): one 5x5 depthwise and one 1x1 convolution.

The dense 3x3 convolution that these replace is here too: the baseline of Table 7.

Shapes: N images, H x W cells, A anchors per cell, L = H * W * A anchors in (y, x, a) order.
"""

from typing import Literal, NamedTuple

from torch import Tensor, nn

from models.thundernet.backbones.snet import depthwise, pointwise
from models.thundernet.layers import Layers, convolve


class RpnOutput(NamedTuple):
    features: Tensor  # (N, 256, H, W), read by SAM
    objectness_logits: Tensor  # (N, L)
    deltas: Tensor  # (N, L, 4)


class RegionProposalNetwork(nn.Module):
    """One logit per anchor: of two softmax logits only the difference would count."""

    OUTPUTS = ("objectness", "box")

    def __init__(
        self,
        in_channels: int,
        channels: int,
        anchors_per_cell: int,
        kind: Literal["light", "dense"] = "light",
    ) -> None:
        super().__init__()
        shared = light_layers if kind == "light" else dense_layers
        self.shared = Layers(*shared(in_channels, channels))
        self.objectness = nn.Conv2d(channels, anchors_per_cell, 1)
        self.box = nn.Conv2d(channels, anchors_per_cell * 4, 1)  # channels in (a, 4) order

    def forward(self, context: Tensor) -> RpnOutput:
        features = self.shared(context)  # (N, 256, H, W)
        logits = convolve(self.objectness, features).permute(0, 2, 3, 1)  # (N, H, W, A)
        deltas = convolve(self.box, features).permute(0, 2, 3, 1)  # (N, H, W, A * 4)
        images = context.shape[0]
        return RpnOutput(
            features,
            logits.reshape(images, -1),  # (N, L)
            deltas.reshape(images, -1, 4),  # (N, L, 4)
        )


def light_layers(in_channels: int, channels: int) -> list[nn.Module]:
    return [
        *depthwise(in_channels, stride=1),
        nn.ReLU(inplace=True),
        *pointwise(in_channels, channels),
    ]


def dense_layers(in_channels: int, channels: int) -> list[nn.Module]:
    return [
        nn.Conv2d(in_channels, channels, 3, 1, 1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
    ]
