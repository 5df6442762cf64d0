"""ThunderNet (Fig. 2): backbone, context, proposals, attention, position-sensitive RoI head.

Shapes: N images, S pixels per side, H = W = S/16 cells, L = H * W * A anchors, R RoIs.
"""

from typing import NamedTuple

from torch import Tensor, nn

from models.thundernet.anchors import make_anchors
from models.thundernet.backbones.backbone import make_backbone
from models.thundernet.cem import make_context
from models.thundernet.config import STRIDE, ThunderNetConfig
from models.thundernet.input_shape import InputShape
from models.thundernet.pixel_input import PixelNetwork
from models.thundernet.psroi_align import psroi_align
from models.thundernet.roi_head import RoiHead, RoiOutput
from models.thundernet.rpn import RegionProposalNetwork, RpnOutput
from models.thundernet.sam import SpatialAttentionModule


class DenseOutput(NamedTuple):
    """All that is computed once per image, before RoIs are chosen."""

    context: Tensor  # (N, alpha*p*p, H, W), F_CEM
    features: Tensor  # (N, alpha*p*p, H, W), F_SAM: what PSRoIAlign reads
    objectness_logits: Tensor  # (N, L)
    deltas: Tensor  # (N, L, 4)


class ThunderNet(PixelNetwork):
    def __init__(self, config: ThunderNetConfig) -> None:
        super().__init__(config.pixel_mean, config.pixel_std)
        self.config = config
        self.backbone = make_backbone(config.backbone, config.balanced_downsampling)
        widths = (
            self.backbone.c4_channels,
            self.backbone.c5_channels,
            config.context_channels,
        )
        self.context = make_context(*widths, config.context_levels, config.context_enhancement)
        self.rpn = RegionProposalNetwork(
            config.context_channels, config.rpn_channels, config.anchors_per_cell, config.rpn_kind
        )
        self.sam: SpatialAttentionModule | None = None
        if config.spatial_attention:
            self.sam = SpatialAttentionModule(config.rpn_channels, config.context_channels)
        self.roi_head = RoiHead(
            config.context_channels,
            config.hidden_channels,
            config.num_classes,
            config.hidden_layers,
            config.class_specific_boxes,
        )
        initialise(self)

    def forward(self, images: Tensor) -> DenseOutput:
        """The convolutional part, on normalised images (N, 3, S, S)."""
        c4, c5 = self.backbone(images)
        for_rpn, context = self.context(c4, c5)  # each (N, 245, H, W)
        rpn: RpnOutput = self.rpn(for_rpn)
        features = context if self.sam is None else self.sam(context, rpn.features)
        return DenseOutput(context, features, rpn.objectness_logits, rpn.deltas)

    def classify(self, features: Tensor, rois: Tensor) -> RoiOutput:
        """Class logits and box deltas of `rois`, (N, R, 4) xyxy in input pixels."""
        pooled = psroi_align(
            features, rois, 1 / STRIDE, self.config.pool_size, self.config.pool_reduction
        )
        output: RoiOutput = self.roi_head(pooled)
        return output

    def anchors(self, size: int | InputShape) -> Tensor:
        """Anchors (L, 4) of an input (a square if one number) in the order of the RPN's outputs."""
        shape = InputShape.square(size) if isinstance(size, int) else size
        scales, ratios = self.config.anchor_scales, self.config.anchor_ratios
        return make_anchors(shape.height // STRIDE, shape.width // STRIDE, STRIDE, scales, ratios)


def initialise(model: nn.Module) -> None:
    """Fresh weights: He initialisation inside, small ones where outputs should start near zero."""
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01)
            nn.init.zeros_(module.bias)
        if name in ("rpn.objectness", "rpn.box"):
            nn.init.normal_(module.weight, std=0.01)
