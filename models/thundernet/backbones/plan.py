"""Backbones as data: the widths and kinds of layers that a configuration may choose (Table 6).

In a configuration file `backbone` is a name of `PLANS`, or a mapping whose `kind` names the
structure that the other keys fill.
"""

from itertools import pairwise
from typing import Literal

import msgspec

from models.errors import ConfigError

Widths = tuple[int, int, int]  # output channels of stages 2, 3 and 4


def check_positive(kind: str, **values: float | None) -> None:
    for name, value in values.items():
        if value is not None and value <= 0:
            least = "above 0" if name == "width" else "at least 1"
            raise ConfigError(f"backbone {kind}: {name}: expected {least}, got {value:g}")


def check_stages(kind: str, stages: Widths, divisor: int) -> None:
    if any(width < 1 or width % divisor for width in stages):
        raise ConfigError(
            f"backbone {kind}: stages: expected multiples of {divisor}, got {list(stages)}"
        )


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """One kind of backbone, chosen by the key `kind` of a configuration."""


class SNetPlan(Plan, frozen=True, kw_only=True, tag="snet"):
    """ShuffleNetV2 units; kernel 5 makes SNet of them (Sec. 3.1), kernel 3 ShuffleNetV2."""

    stem: int = 24
    stages: Widths
    conv5: int | None = None  # None: the last stage itself is C5
    kernel: Literal[3, 5] = 5  # of the depthwise convolutions
    # One more depthwise convolution before the first 1x1 of a unit: ShuffleNetV2*.
    double_depthwise: bool = False

    def __post_init__(self) -> None:
        check_positive("snet", stem=self.stem, conv5=self.conv5)
        check_stages("snet", self.stages, 2)
        if list(self.stages) != sorted(set(self.stages)):
            raise ConfigError(
                f"backbone snet: stages: expected rising widths, got {list(self.stages)}"
            )


class ShuffleNetV1Plan(Plan, frozen=True, kw_only=True, tag="shufflenet_v1"):
    stem: int = 24
    stages: Widths = (240, 480, 960)
    groups: int = 3  # of the 1x1 convolutions; 1: a small Xception

    def __post_init__(self) -> None:
        check_positive("shufflenet_v1", stem=self.stem, groups=self.groups)
        check_stages("shufflenet_v1", self.stages, 4 * self.groups)
        # A stride-2 unit computes what its pooled input does not fill.
        widths = (self.stem, *self.stages)
        if any(b <= a or (b - a) % self.groups for a, b in pairwise(widths)):
            raise ConfigError(
                "backbone shufflenet_v1: stem and stages: expected rising widths whose differences "
                f"are multiples of groups = {self.groups}, got {list(widths)}"
            )


class MobileNetV2Plan(Plan, frozen=True, kw_only=True, tag="mobilenet_v2"):
    width: float = 1.0  # multiplies the published widths
    divisor: int = 8  # to a multiple of which they are rounded
    conv5: int = 1280  # not multiplied below 1.0, as published

    def __post_init__(self) -> None:
        check_positive("mobilenet_v2", width=self.width, divisor=self.divisor, conv5=self.conv5)


PLANS = {
    "snet49": SNetPlan(stages=(60, 120, 240), conv5=512),
    "snet146": SNetPlan(stages=(132, 264, 528)),
    "snet535": SNetPlan(stem=48, stages=(248, 496, 992)),
}
BackboneName = Literal["snet49", "snet146", "snet535"]
Backbone = BackboneName | SNetPlan | ShuffleNetV1Plan | MobileNetV2Plan


def name_backbone(backbone: Backbone) -> str:
    """What to call a network with this backbone."""
    if isinstance(backbone, str):
        return backbone
    named = (name for name, plan in PLANS.items() if plan == backbone)
    return next(named, str(backbone.__struct_config__.tag))
