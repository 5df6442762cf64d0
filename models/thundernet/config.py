"""What a ThunderNet is: every number that shapes the network, as frozen data."""

from typing import Literal

import msgspec

from models.errors import ConfigError
from models.thundernet.backbones.plan import PLANS, Backbone, SNetPlan
from models.thundernet.input_shape import check_input_size

STRIDE = 16  # pixels per cell of the map that RPN and RoI head read (C4)
LABELS = (
    "person",
    "bicycle",
    "car",
    "motorcycle",
    "bus",
    "truck",
    "dog",
    "cat",
    "horse",
    "sheep",
    "cow",
)

ContextLevel = Literal["c4", "c5", "global"]
ALL_LEVELS: tuple[ContextLevel, ...] = ("c4", "c5", "global")


class ThunderNetConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Shape of one ThunderNet; the defaults are the deployed SNet49 detector.

    Fields that the paper varies in its ablations (Sec. 4.4) are here too, so that each row of
    such a table is one configuration (configs/paper): `backbone`, `context_enhancement`,
    `context_levels`, `spatial_attention`, `rpn_kind`, `rpn_channels`, `pool_channels`,
    `hidden_channels`, `pool_reduction`.
    """

    backbone: Backbone = "snet49"  # a name, or the plan of another one
    balanced_downsampling: bool = True  # False: the left branch of a stride-2 unit keeps its width
    input_size: int = 320  # pixels; frames are warped to this square
    labels: tuple[str, ...] = LABELS  # foreground classes; class i + 1 is labels[i]
    context_enhancement: bool = True  # CEM, Sec. 3.3; False: C4 for the RPN, C5 for the RoI head
    context_levels: tuple[ContextLevel, ...] = ALL_LEVELS  # what CEM sums
    spatial_attention: bool = True  # SAM, Sec. 3.3
    # "light": 5x5 depthwise and 1x1, Sec. 3.2; "dense": one 3x3 convolution, as Light-Head R-CNN.
    rpn_kind: Literal["light", "dense"] = "light"
    rpn_channels: int = 256
    # The paper has 32 to 512. At 320 pixels half of the street objects are under 45 pixels wide,
    # and 512 covers nothing that 256 does not.
    anchor_scales: tuple[float, ...] = (16.0, 32.0, 64.0, 128.0, 256.0)
    anchor_ratios: tuple[float, ...] = (0.5, 0.75, 1.0, 4 / 3, 2.0)  # height / width
    pool_size: int = 7  # p: bins per side of an RoI
    pool_channels: int = 5  # alpha: channels per bin, so the map has alpha * p * p = 245
    pool_reduction: Literal["mean", "max"] = "mean"  # over the 2 x 2 samples of a bin
    hidden_channels: int = 1024  # of each fully connected layer of the R-CNN subnet
    hidden_layers: int = 1  # 2: the authors' published code
    class_specific_boxes: bool = False  # a box per class and RoI: the authors' published code
    pre_nms_top_n: int = 2000
    post_nms_top_n: int = 200
    nms_thresh: float = 0.7
    pixel_mean: tuple[float, float, float] = (103.53, 116.28, 123.675)  # BGR, ImageNet
    pixel_std: tuple[float, float, float] = (57.375, 57.12, 58.395)

    def __post_init__(self) -> None:
        check_input_size(self.input_size)
        check_backbone(self.backbone, self.balanced_downsampling)
        check_widths(
            rpn_channels=self.rpn_channels,
            pool_size=self.pool_size,
            pool_channels=self.pool_channels,
            hidden_channels=self.hidden_channels,
            hidden_layers=self.hidden_layers,
        )
        if not self.context_levels:
            raise ConfigError("context_levels: expected at least one of c4, c5, global, got none")
        if not self.context_enhancement and self.context_levels != ALL_LEVELS:
            raise ConfigError(
                "context_levels: expected none where context_enhancement is false, "
                f"got {list(self.context_levels)}"
            )
        if self.post_nms_top_n > self.pre_nms_top_n:
            raise ConfigError(
                f"post_nms_top_n: expected at most pre_nms_top_n = {self.pre_nms_top_n}, "
                f"got {self.post_nms_top_n}"
            )

    @property
    def num_classes(self) -> int:
        return len(self.labels)

    @property
    def anchors_per_cell(self) -> int:
        return len(self.anchor_scales) * len(self.anchor_ratios)

    @property
    def context_channels(self) -> int:
        """Channels of the map that PSRoIAlign reads, alpha * p * p (Sec. 3.2)."""
        return self.pool_channels * self.pool_size**2


def check_backbone(backbone: Backbone, balanced: bool) -> None:
    if not balanced and not isinstance(backbone, str | SNetPlan):
        raise ConfigError(
            "balanced_downsampling: expected true for a backbone without ShuffleNetV2 units, "
            "got false"
        )
    plan = PLANS[backbone] if isinstance(backbone, str) else backbone
    if isinstance(plan, SNetPlan) and not balanced and plan.stem >= plan.stages[0]:
        raise ConfigError(
            "balanced_downsampling: expected true where stem >= stages[0], got false with "
            f"{plan.stem} and {plan.stages[0]}"
        )


def check_widths(**widths: int) -> None:
    for name, width in widths.items():
        if width < 1:
            raise ConfigError(f"{name}: expected at least 1, got {width}")
