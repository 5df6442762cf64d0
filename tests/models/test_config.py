"""Configurations that no network can be made from are refused, with what was expected."""

import msgspec
import pytest

from models.thundernet.config import ConfigError, ThunderNetConfig

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


def test_context_channels_follow_the_pool() -> None:
    assert ThunderNetConfig().context_channels == 245
    assert ThunderNetConfig(pool_channels=10).context_channels == 490
