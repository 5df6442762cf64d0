"""A widened network computes what the narrow one does, in evaluation and in training."""

from typing import Any

import msgspec
import pytest
import torch
from torch import Tensor, nn

from models.errors import ConfigError
from models.thundernet.backbones.plan import Backbone, MobileNetV2Plan, SNetPlan
from models.thundernet.backbones.snet import SNet
from models.thundernet.thundernet import ThunderNet
from models.train.widening.network import widen
from tests.models.train.widening.networks import NARROW, WIDE, draw_images, make_network

pytestmark = pytest.mark.torch

STAGES = ("stage2", "stage3", "stage4")
ROUNDING = 1e-4  # of an output's largest value: sums of 500 float32 products in another order


def replace(plan: SNetPlan, **changes: Any) -> SNetPlan:
    return msgspec.structs.replace(plan, **changes)


def stage_outputs(model: ThunderNet, images: Tensor) -> list[Tensor]:
    """Of stages 2, 3 and 4."""
    assert isinstance(model.backbone, SNet)
    x = model.backbone.maxpool(model.backbone.conv1(model.normalize(images)))
    outputs = []
    for name in STAGES:
        x = model.backbone.get_submodule(name)(x)
        outputs.append(x)
    return outputs


@pytest.mark.parametrize(
    ("narrow", "wide", "changes"),
    [
        (NARROW, WIDE, {}),
        (NARROW, NARROW, {}),
        (NARROW, replace(WIDE, stem=20), {}),
        (replace(NARROW, conv5=32), replace(WIDE, conv5=70), {}),
        (replace(NARROW, kernel=3), replace(WIDE, kernel=3), {}),
        (replace(NARROW, double_depthwise=True), replace(WIDE, double_depthwise=True), {}),
        (NARROW, WIDE, {"balanced_downsampling": False}),
        (NARROW, WIDE, {"context_levels": ("c4", "c5"), "spatial_attention": False}),
        (SNetPlan(stages=(60, 120, 240)), "snet146", {}),
        (SNetPlan(stages=(60, 120, 240)), "snet535", {}),
    ],
)
def test_outputs_stay(narrow: SNetPlan, wide: Backbone, changes: dict[str, Any]) -> None:
    before = make_network(narrow, **changes)
    after = widen(before, wide)
    assert after.config == msgspec.structs.replace(before.config, backbone=wide)
    images = before.normalize(draw_images())
    for training in (False, True):  # the statistics of a batch are those of its repeats
        for model in (before, after):
            model.train(training)
        with torch.no_grad():
            for expected, found in zip(before(images), after(images), strict=True):
                assert expected.std() > 1e-3 * expected.abs().max(), "nothing to compare"
                assert (found - expected).abs().max() < ROUNDING * expected.abs().max()


def test_channels_of_a_stage_repeat_those_of_the_narrow_one() -> None:
    before = make_network()
    after = widen(before, WIDE)
    images = draw_images()
    with torch.no_grad():
        outputs = zip(stage_outputs(before, images), stage_outputs(after, images), strict=True)
    for narrow, wide in outputs:
        a, b = narrow.transpose(0, 1).flatten(1), wide.transpose(0, 1).flatten(1)
        distances = (b[:, None] - a).abs().amax(dim=2)  # (W, B)
        close = ROUNDING * a.abs().max()
        assert distances.amin(dim=0).max() < close, "a channel is lost"
        assert (distances.amin(dim=1) > close).sum() <= 2, "all but the spare ones repeat one"


def test_repeats_part_in_training() -> None:
    """Repeats with equal gradients would stay one channel for ever."""
    model = widen(make_network(), WIDE).train()
    output = model(model.normalize(draw_images()))
    (output.objectness_logits.square().mean() + output.features.square().mean()).backward()
    for name, module in model.backbone.named_modules():
        if isinstance(module, nn.Conv2d) and name != "conv1.0":
            assert module.weight.grad is not None
            gradients = module.weight.grad.flatten(1)
            gradients = gradients[gradients.any(dim=1)]  # without channels that no image reaches
            assert len(gradients) > len(module.weight) / 2
            same = torch.cdist(gradients, gradients) < 1e-3 * gradients.norm(dim=1).max()
            assert same.sum() == len(gradients), f"{name}: equal gradients"


def test_the_seed_decides_the_shares() -> None:
    model = make_network()
    first, again, other = (widen(model, WIDE, seed).state_dict() for seed in (0, 0, 1))
    name = "backbone.stage3.2.branch.0.weight"
    assert torch.equal(first[name], again[name])
    assert not torch.equal(first[name], other[name])


@pytest.mark.parametrize(
    ("narrow", "wide", "changes", "message"),
    [
        (WIDE, NARROW, {}, "widening 14 channels to 6: expected a place for each"),
        (replace(NARROW, stem=10), WIDE, {}, "widening 10 channels: expected at least as many"),
        (replace(NARROW, conv5=32), WIDE, {}, "expected backbones of the same layers"),
        (NARROW, replace(WIDE, kernel=3), {}, "expected backbones of the same layers"),
        (NARROW, MobileNetV2Plan(), {}, "expected backbones of ShuffleNetV2 units"),
        (NARROW, WIDE, {"context_enhancement": False}, "expected context_enhancement true"),
    ],
)
def test_what_cannot_be_widened_is_refused(
    narrow: SNetPlan, wide: Backbone, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        widen(make_network(narrow, **changes), wide)
