"""The assembled network: shapes, operation counts, ablations."""

from typing import Any

import pytest
import torch

from models.complexity.macs import count_macs
from models.thundernet.backbones.plan import PLANS
from models.thundernet.cem import SeparateMaps
from models.thundernet.config import ThunderNetConfig
from models.thundernet.layers import Layers
from models.thundernet.thundernet import ThunderNet

pytestmark = pytest.mark.torch

ROIS = 200


@pytest.mark.parametrize(
    ("name", "classes", "millions"),
    [
        ("snet49", 80, 263.5),
        ("snet49", 20, 251.2),
        ("snet146", 80, 502.3),
        ("snet535", 80, 1299.3),
        ("snet535", 20, 1287.0),
    ],
)
def test_operations_at_320_with_200_rois(name: str, classes: int, millions: float) -> None:
    labels = tuple(f"class{i}" for i in range(classes))
    model = ThunderNet(ThunderNetConfig(backbone=PLANS[name], labels=labels)).eval()
    dense = count_macs(model, torch.zeros(1, 3, 320, 320))
    head = count_macs(model.roi_head, torch.zeros(1, ROIS, model.config.context_channels))
    # The paper's RPN has two logits per anchor; one is enough for us, counted here as two.
    second_logit = model.rpn.objectness.weight.numel() * 20 * 20
    assert (dense + head + second_logit) / 1e6 == pytest.approx(millions, abs=0.15)


def test_outputs_agree_on_cells_and_anchors() -> None:
    model = ThunderNet(ThunderNetConfig()).eval()
    dense = model(torch.zeros(2, 3, 128, 128))
    anchors = model.anchors(128)
    assert dense.features.shape == (2, 245, 8, 8)
    assert dense.objectness_logits.shape == (2, len(anchors)) == (2, 8 * 8 * 25)
    assert dense.deltas.shape == (2, len(anchors), 4)
    rois = torch.tensor([[[0.0, 0.0, 64.0, 64.0]] * 3] * 2)
    output = model.classify(dense.features, rois)
    assert output.class_logits.shape == (2, 3, 12)
    assert output.deltas.shape == (2, 3, 4)


def test_anchor_order_is_that_of_the_logits() -> None:
    """A logit raised in one cell of the map shows at the anchors centred on that cell."""
    model = ThunderNet(ThunderNetConfig()).eval()
    features = torch.zeros(1, 256, 8, 8)
    features[0, :, 5, 3] = 1.0
    with torch.no_grad():
        model.rpn.objectness.weight.fill_(1.0)
        model.rpn.shared = Layers(torch.nn.Identity())
        logits = model.rpn(features).objectness_logits[0]
    raised = model.anchors(128)[logits > 1]
    centres = (raised[:, :2] + raised[:, 2:]) / 2
    assert len(raised) == 25
    torch.testing.assert_close(centres, torch.tensor([[3 * 16.0, 5 * 16.0]] * 25))


@pytest.mark.parametrize(
    "ablation",
    [
        {"context_levels": ("c4",)},
        {"context_levels": ("c4", "c5")},
        {"spatial_attention": False},
        {"context_enhancement": False, "rpn_kind": "dense", "spatial_attention": False},
        {"context_enhancement": False},
        {"pool_reduction": "max"},
        {"rpn_channels": 128, "hidden_channels": 512},
    ],
)
def test_ablated_networks_run(ablation: dict[str, Any]) -> None:
    model = ThunderNet(ThunderNetConfig(**ablation)).eval()
    dense = model(torch.zeros(1, 3, 64, 64))
    output = model.classify(dense.features, torch.tensor([[[0.0, 0.0, 32.0, 48.0]]]))
    assert output.class_logits.isfinite().all()


def test_without_attention_the_head_reads_the_context() -> None:
    dense = ThunderNet(ThunderNetConfig(spatial_attention=False)).eval()(torch.zeros(1, 3, 64, 64))
    assert torch.equal(dense.features, dense.context)


def test_without_context_enhancement_c4_feeds_the_rpn_and_c5_the_head() -> None:
    config = ThunderNetConfig(context_enhancement=False, spatial_attention=False)
    model = ThunderNet(config).eval()
    generator = torch.Generator().manual_seed(0)
    c4 = torch.randn(1, 120, 4, 4, generator=generator)
    c5 = torch.randn(1, 512, 2, 2, generator=generator)
    assert isinstance(model.context, SeparateMaps)
    for_rpn, for_head = model.context(c4, c5)
    assert for_rpn.shape == for_head.shape == (1, 245, 4, 4)
    torch.testing.assert_close(for_rpn, model.context.c4(c4))
    # Enlarging first, as the paper words it, gives the same.
    enlarged = c5.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    torch.testing.assert_close(for_head, model.context.c5(enlarged))


def test_with_context_enhancement_both_read_one_map() -> None:
    model = ThunderNet(ThunderNetConfig()).eval()
    for_rpn, for_head = model.context(torch.zeros(1, 120, 4, 4), torch.zeros(1, 512, 2, 2))
    assert for_rpn is for_head


def test_mean_colour_normalises_to_zero() -> None:
    model = ThunderNet(ThunderNetConfig())
    images = model.pixel_mean.expand(1, 3, 4, 4)
    assert model.normalize(images).abs().max() == 0
