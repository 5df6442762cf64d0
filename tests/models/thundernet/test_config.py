"""Configurations that no network can be made from are refused, with what was expected."""

import msgspec
import pytest

from models.errors import ConfigError
from models.thundernet.config import ThunderNetConfig

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("size", [300, 0, 32, -64])
def test_input_size_off_the_grid_is_refused(size: int) -> None:
    with pytest.raises(ConfigError, match=f"multiple of 32 from 64 up, got {size}"):
        ThunderNetConfig(input_size=size)


def test_unknown_key_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field `backbon`"):
        msgspec.convert({"backbon": "snet49"}, ThunderNetConfig)


def test_unknown_backbone_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="snet50"):
        msgspec.convert({"backbone": "snet50"}, ThunderNetConfig)


def test_context_without_levels_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least one of c4, c5, global"):
        ThunderNetConfig(context_levels=())


def test_more_proposals_than_candidates_are_refused() -> None:
    with pytest.raises(ConfigError, match="at most pre_nms_top_n = 100, got 200"):
        ThunderNetConfig(pre_nms_top_n=100)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"context_enhancement": False, "context_levels": ["c4"]},
            r"context_levels: expected none where context_enhancement is false, got \['c4'\]",
        ),
        ({"rpn_kind": "heavy"}, r"Invalid enum value 'heavy' - at `\$.rpn_kind`"),
        ({"hidden_channels": 0}, "hidden_channels: expected at least 1, got 0"),
        ({"hidden_layers": 0}, "hidden_layers: expected at least 1, got 0"),
        ({"backbone": {"kind": "resnet"}}, r"Invalid value 'resnet' - at `\$.backbone.kind`"),
        ({"backbone": {"kind": "snet"}}, r"missing required field `stages` - at `\$.backbone`"),
        (
            {"backbone": {"kind": "snet", "stages": [61, 122, 244]}},
            r"backbone snet: stages: expected multiples of 2, got \[61, 122, 244\]",
        ),
        (
            {"backbone": {"kind": "snet", "stages": [8, 16, 32], "kernel": 7}},
            r"Invalid enum value 7 - at `\$.backbone.kernel`",
        ),
        (
            {"backbone": {"kind": "snet", "stages": [8, 16, 32], "conv5": 0}},
            "backbone snet: conv5: expected at least 1, got 0",
        ),
        (
            {"backbone": {"kind": "shufflenet_v1", "stages": [240, 480, 966]}},
            "backbone shufflenet_v1: stages: expected multiples of 12",
        ),
        (
            {"backbone": {"kind": "shufflenet_v1", "stages": [240, 240, 480]}},
            r"expected rising widths .* got \[24, 240, 240, 480\]",
        ),
        (
            {"backbone": {"kind": "snet", "stages": [32, 16, 8]}},
            r"backbone snet: stages: expected rising widths, got \[32, 16, 8\]",
        ),
        (
            {"backbone": {"kind": "snet", "stages": [8, 16, 32]}, "balanced_downsampling": False},
            r"expected true where stem >= stages\[0\], got false with 24 and 8",
        ),
        ({"backbone": {"kind": "mobilenet_v2", "width": 0}}, "width: expected above 0, got 0"),
        (
            {"backbone": {"kind": "mobilenet_v2"}, "balanced_downsampling": False},
            "balanced_downsampling: expected true for a backbone without ShuffleNetV2 units",
        ),
    ],
)
def test_impossible_networks_are_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert(fields, ThunderNetConfig)


def test_context_channels_follow_the_pool() -> None:
    assert ThunderNetConfig().context_channels == 245
    assert ThunderNetConfig(pool_channels=10).context_channels == 490
