"""Region Proposal Network, lightened (Sec. 3.2): one 5x5 depthwise and one 1x1 convolution.

Shapes: N images, H x W cells, A anchors per cell, L = H * W * A anchors in (y, x, a) order.
"""

from typing import NamedTuple

from torch import Tensor, nn

from models.thundernet.snet import depthwise, pointwise


class RpnOutput(NamedTuple):
    features: Tensor  # (N, 256, H, W), read by SAM
    objectness_logits: Tensor  # (N, L)
    deltas: Tensor  # (N, L, 4)


class RegionProposalNetwork(nn.Module):
    """One logit per anchor says object or not: two softmax logits differ only by a constant."""

    def __init__(self, in_channels: int, channels: int, anchors_per_cell: int) -> None:
        super().__init__()
        self.shared = nn.Sequential(
            *depthwise(in_channels, stride=1),
            nn.ReLU(inplace=True),
            *pointwise(in_channels, channels),
        )
        self.objectness = nn.Conv2d(channels, anchors_per_cell, 1)
        self.box = nn.Conv2d(channels, anchors_per_cell * 4, 1)  # channels in (a, 4) order

    def forward(self, context: Tensor) -> RpnOutput:
        features = self.shared(context)  # (N, 256, H, W)
        logits = self.objectness(features).permute(0, 2, 3, 1)  # (N, H, W, A)
        deltas = self.box(features).permute(0, 2, 3, 1)  # (N, H, W, A * 4)
        images = context.shape[0]
        return RpnOutput(
            features,
            logits.reshape(images, -1),  # (N, L)
            deltas.reshape(images, -1, 4),  # (N, L, 4)
        )
