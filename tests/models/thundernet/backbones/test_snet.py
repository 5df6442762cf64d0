"""SNet against the operation and parameter counts of the paper's Table 1 and of its text."""

import pytest
import torch

from models.complexity.macs import count_macs
from models.thundernet.backbones.plan import PLANS
from models.thundernet.backbones.snet import BasicUnit, SNet

pytestmark = pytest.mark.torch

IMAGENET_CLASSES = 1000


def classifier_size(name: str) -> int:
    """Multiplications of the ImageNet classifier, which detectors drop and papers count."""
    plan = PLANS[name]
    return (plan.conv5 or plan.stages[-1]) * IMAGENET_CLASSES


@pytest.mark.parametrize(
    ("name", "balanced", "millions"),
    [
        ("snet49", True, 51.21),
        ("snet49", False, 51.23),
        ("snet146", True, 161.1),
        ("snet146", False, 162.5),
        ("snet535", True, 535.35),
        ("snet535", False, 539.9),
    ],
)
def test_operations_at_224_with_classifier(name: str, balanced: bool, millions: float) -> None:
    backbone = SNet(name, balanced).eval()
    macs = count_macs(backbone, torch.zeros(1, 3, 224, 224)) + classifier_size(name)
    assert macs / 1e6 == pytest.approx(millions, abs=0.06)


@pytest.mark.parametrize(
    ("name", "millions"), [("snet49", 0.88), ("snet146", 1.57), ("snet535", 4.54)]
)
def test_parameters_with_classifier(name: str, millions: float) -> None:
    parameters = sum(p.numel() for p in SNet(name).parameters())
    total = parameters + classifier_size(name) + IMAGENET_CLASSES
    assert total / 1e6 == pytest.approx(millions, abs=0.006)


@pytest.mark.parametrize("name", list(PLANS))
def test_maps_have_the_declared_channels_and_strides(name: str) -> None:
    backbone = SNet(name).eval()
    maps = backbone(torch.zeros(1, 3, 64, 96))
    assert maps.c4.shape == (1, backbone.c4_channels, 4, 6)
    assert maps.c5.shape == (1, backbone.c5_channels, 2, 3)


def test_even_channels_pass_through_a_basic_unit() -> None:
    unit = BasicUnit(8).eval()
    x = torch.randn(2, 8, 5, 5)
    out = unit(x)
    assert torch.equal(out[:, :4], x[:, 0::2])
    torch.testing.assert_close(out[:, 4:], unit.branch(x[:, 1::2]))
