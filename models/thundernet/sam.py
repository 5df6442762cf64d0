"""Spatial Attention Module (Sec. 3.3, Eq. 1): the RPN's knowledge reweights the context map.

F_SAM = F_CEM * sigmoid(theta(F_RPN)), theta a 1x1 convolution with batch norm.
Shapes: context (N, alpha*p*p, H, W), RPN features (N, 256, H, W) -> (N, alpha*p*p, H, W).
"""

from torch import Tensor, nn

from models.thundernet.layers import Layers


class SpatialAttentionModule(nn.Module):
    def __init__(self, rpn_channels: int, context_channels: int) -> None:
        super().__init__()
        self.theta = Layers(
            nn.Conv2d(rpn_channels, context_channels, 1, bias=False),
            nn.BatchNorm2d(context_channels),
        )

    def forward(self, context: Tensor, rpn_features: Tensor) -> Tensor:
        gate: Tensor = self.theta(rpn_features).sigmoid()
        return context * gate
