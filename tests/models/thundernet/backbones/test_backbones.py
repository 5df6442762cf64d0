"""Backbones of Table 6 against published sizes, and as parts of a detector."""

import pytest
import torch

from models.complexity.macs import count_macs, count_parameters
from models.errors import ConfigError
from models.thundernet.backbones.backbone import make_backbone
from models.thundernet.backbones.mobilenet_v2 import InvertedResidual, scale_width
from models.thundernet.backbones.plan import (
    Backbone,
    MobileNetV2Plan,
    ShuffleNetV1Plan,
    SNetPlan,
    name_backbone,
)
from models.thundernet.backbones.shufflenet_v1 import ShuffleUnit
from models.thundernet.backbones.snet import BasicUnit
from models.thundernet.classifier import Classifier, ClassifierConfig
from models.thundernet.config import ThunderNetConfig
from models.thundernet.thundernet import ThunderNet

pytestmark = pytest.mark.torch

SHUFFLENET_V2 = SNetPlan(stages=(116, 232, 464), conv5=1024, kernel=3)
BACKBONES = [
    ShuffleNetV1Plan(),
    ShuffleNetV1Plan(groups=1, stages=(144, 288, 576)),
    SHUFFLENET_V2,
    SNetPlan(stages=(20, 40, 80), kernel=3, double_depthwise=True),
    MobileNetV2Plan(width=0.5),
]


def test_mobilenet_v2_has_its_published_size() -> None:
    model = Classifier(ClassifierConfig(backbone=MobileNetV2Plan())).eval()
    assert count_parameters(model) == 3_504_872
    macs = count_macs(model, torch.zeros(1, 3, 224, 224))
    assert macs / 1e6 == pytest.approx(300.8, abs=0.1)


def test_shufflenet_v2_has_its_published_size() -> None:
    model = Classifier(ClassifierConfig(backbone=SHUFFLENET_V2))
    assert count_parameters(model) == 2_278_604


@pytest.mark.parametrize("plan", BACKBONES, ids=name_backbone)
def test_maps_have_the_declared_channels_and_strides(plan: Backbone) -> None:
    backbone = make_backbone(plan).eval()
    maps = backbone(torch.zeros(1, 3, 64, 96))
    assert maps.c4.shape == (1, backbone.c4_channels, 4, 6)
    assert maps.c5.shape == (1, backbone.c5_channels, 2, 3)


@pytest.mark.parametrize("plan", BACKBONES, ids=name_backbone)
def test_detectors_learn_through_any_backbone(plan: Backbone) -> None:
    model = ThunderNet(ThunderNetConfig(backbone=plan, hidden_channels=32))
    dense = model(torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)))
    output = model.classify(dense.features, torch.tensor([[[4.0, 4.0, 60.0, 60.0]]] * 2))
    losses = (dense.objectness_logits, dense.deltas, output.class_logits, output.deltas)
    torch.stack([loss.square().sum() for loss in losses]).sum().backward()
    still = [name for name, p in model.named_parameters() if p.grad is None]
    assert still == []


def test_groups_meet_in_the_shuffle() -> None:
    """A change in one group of the input reaches channels of every group."""
    torch.manual_seed(0)
    unit = ShuffleUnit(72, 72, stride=1, groups=3, first_groups=3).eval()
    x = torch.randn(1, 72, 5, 5) + 3  # positive enough for the closing ReLU
    changed = x.clone()
    changed[:, :24] += 1
    differs = (unit(x) - unit(changed)).abs().amax(dim=(0, 2, 3)) > 1e-6  # (72,)
    assert differs.view(3, 24).any(dim=1).all()


def test_double_depthwise_widens_the_field_of_a_unit() -> None:
    def field(unit: BasicUnit) -> int:
        for parameter in unit.parameters():
            torch.nn.init.uniform_(parameter, 0.1, 1)  # positive: no ReLU cuts the way
        x = torch.ones(1, 8, 9, 9, requires_grad=True)
        unit.eval()(x)[0, 4:, 4, 4].sum().backward()
        assert x.grad is not None
        return int((x.grad[0].abs().sum(dim=0).amax(dim=0) > 0).sum())

    torch.manual_seed(0)
    assert field(BasicUnit(8, kernel=3)) == 3
    assert field(BasicUnit(8, kernel=3, double_depthwise=True)) == 5
    assert field(BasicUnit(8)) == 5


@pytest.mark.parametrize(
    ("stride", "out_channels", "is_residual"),
    [(1, 16, True), (2, 16, False), (1, 24, False)],
)
def test_only_units_that_keep_the_shape_add_their_input(
    stride: int, out_channels: int, is_residual: bool
) -> None:
    unit = InvertedResidual(16, out_channels, stride, expansion=6).eval()
    for parameter in unit.parameters():
        torch.nn.init.zeros_(parameter)
    x = torch.randn(1, 16, 4, 4)
    assert unit(x).equal(x) if is_residual else not unit(x).any()


@pytest.mark.parametrize(
    ("channels", "width", "scaled"),
    [
        (32, 1.0, 32),
        (96, 0.75, 72),
        (24, 0.5, 16),  # 12 would round to 8, which takes more than a tenth
        (16, 0.35, 8),
    ],
)
def test_scaled_widths_are_multiples_near_their_value(
    channels: int, width: float, scaled: int
) -> None:
    assert scale_width(channels, MobileNetV2Plan(width=width)) == scaled


def test_plans_equal_to_a_named_one_bear_its_name() -> None:
    assert name_backbone(SNetPlan(stages=(132, 264, 528))) == "snet146"
    assert name_backbone(SNetPlan(stages=(126, 252, 504))) == "snet"
    assert name_backbone("snet49") == "snet49"


def test_classifier_without_classes_is_refused() -> None:
    with pytest.raises(ConfigError, match="num_classes: expected at least 1, got 0"):
        ClassifierConfig(backbone="snet49", num_classes=0)


def test_logits_have_one_row_per_image() -> None:
    model = Classifier(ClassifierConfig(backbone="snet49", num_classes=7)).eval()
    assert model(torch.zeros(2, 3, 64, 64)).shape == (2, 7)
