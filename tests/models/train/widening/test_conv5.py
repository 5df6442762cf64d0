"""CEM without conv5: what a linear fit can keep, and that it says how much that is."""

import pytest
import torch
from torch import nn

from models.errors import ConfigError
from models.thundernet.backbones.plan import PLANS, SNetPlan
from models.thundernet.config import ThunderNetConfig
from models.thundernet.thundernet import ThunderNet
from models.train.widening.conv5 import has_conv5, take_out_conv5
from tests.models.train.widening.networks import draw_images, make_network

pytestmark = pytest.mark.torch

WITH_CONV5 = SNetPlan(stem=8, stages=(12, 24, 48), conv5=64)
BATCHES = [draw_images(8, seed) for seed in range(40)]


def contexts(model: ThunderNet, images: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        context: torch.Tensor = model(model.normalize(images)).context
    return context


def explained(before: ThunderNet, after: ThunderNet, images: torch.Tensor) -> float:
    """Part of the context map's variance that `after` has right."""
    expected = contexts(before, images)
    missed = (contexts(after, images) - expected).square().sum()
    return (
        1 - (missed / (expected - expected.mean(dim=(0, 2, 3), keepdim=True)).square().sum()).item()
    )


@pytest.mark.parametrize("levels", [("c4", "c5", "global"), ("c4", "c5"), ("c5",), ("global",)])
def test_a_linear_conv5_is_kept(levels: tuple[str, ...]) -> None:
    """One whose ReLU cuts nothing."""
    model = make_network(WITH_CONV5, context_levels=levels)
    norm = model.backbone.get_submodule("conv5.1")
    assert isinstance(norm, nn.BatchNorm2d)
    nn.init.constant_(norm.bias, 100)
    after, kept = take_out_conv5(model, BATCHES)
    assert kept > 0.99
    assert explained(model, after, draw_images(seed=99)) > 0.98
    assert not has_conv5(after.config)


def test_what_is_lost_is_told() -> None:
    model = make_network(WITH_CONV5, context_levels=("c5",))  # so that the fit is all of the map
    after, kept = take_out_conv5(model, BATCHES)
    assert 0.3 < kept < 0.99
    assert explained(model, after, torch.cat(BATCHES)) == pytest.approx(kept, abs=0.01)


def test_the_rest_of_the_network_is_the_same() -> None:
    model = make_network(WITH_CONV5)
    before = model.state_dict()
    after, _ = take_out_conv5(model, BATCHES[:1])
    fitted = {
        name for name in before if name.startswith(("context.project.c5", "context.project.g"))
    }
    assert set(before) - set(after.state_dict()) == {
        name for name in before if name.startswith("backbone.conv5.")
    }
    for name, value in after.state_dict().items():
        assert torch.equal(value, before[name]) != (name in fitted), name


def test_a_context_without_c5_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected context_levels with c5 or global, got c4"):
        take_out_conv5(make_network(WITH_CONV5, context_levels=("c4",)), BATCHES)


def test_which_backbones_have_conv5() -> None:
    assert [name for name, plan in PLANS.items() if has_conv5(ThunderNetConfig(backbone=plan))] == [
        "snet49"
    ]
