"""The objective as a whole, on a small network and random ground truth."""

from typing import Any

import pytest
import torch

from models.errors import ConfigError
from models.thundernet.config import ThunderNetConfig
from models.thundernet.criterion import Criterion, CriterionConfig, RoiTargets
from models.thundernet.ground_truth import GroundTruth
from models.thundernet.roi_head import RoiOutput
from models.thundernet.thundernet import ThunderNet
from tests.models.thundernet.truth import random_truth

pytestmark = pytest.mark.torch

SIZE = 96  # 900 anchors: fewer than pre_nms_top_n
NAMES = {"rpn_objectness", "rpn_box", "roi_class", "roi_box"}


def compute(
    config: CriterionConfig, truth: GroundTruth, **fields: Any
) -> tuple[ThunderNet, dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    model = ThunderNet(ThunderNetConfig(**fields))
    criterion = Criterion(model, config)
    dense = model(torch.randn(len(truth.boxes), 3, SIZE, SIZE))
    generator = torch.Generator().manual_seed(1)
    return model, criterion(dense, model.anchors(SIZE), SIZE, truth, generator).losses


@pytest.mark.parametrize(
    "config",
    [
        CriterionConfig(),
        CriterionConfig(hard_examples=True),
        CriterionConfig(context_weight=1.0),
        CriterionConfig(jittered_rois=0),
        CriterionConfig(label_smoothing=0.1, roi_focal_gamma=1.0),
    ],
)
def test_every_part_of_the_network_is_taught(config: CriterionConfig) -> None:
    model, found = compute(config, random_truth())
    assert found.keys() == NAMES | ({"context"} if config.context_weight else set())
    torch.stack(list(found.values())).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_images_without_objects_teach_background_only() -> None:
    truth = random_truth()
    empty = truth._replace(labels=torch.zeros_like(truth.labels), boxes=truth.boxes * 0)
    model, found = compute(CriterionConfig(context_weight=1.0), empty)
    assert found["roi_box"] == 0
    assert found["rpn_box"] == 0
    torch.stack(list(found.values())).sum().backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_weights_scale_their_loss() -> None:
    _, once = compute(CriterionConfig(), random_truth())
    _, twice = compute(CriterionConfig(roi_class_weight=2.0), random_truth())
    torch.testing.assert_close(twice["roi_class"], 2 * once["roi_class"])
    torch.testing.assert_close(twice["roi_box"], once["roi_box"])


def test_crossed_thresholds_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"anchor_bg_iou <= anchor_fg_iou <= 1, got 0.8 and 0.7"):
        CriterionConfig(anchor_bg_iou=0.8)


def test_impossible_softening_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"smoothing: expected 0 to less than 1, got 1\.0"):
        CriterionConfig(label_smoothing=1.0)
    for gamma in (0.5, -1.0):
        with pytest.raises(ConfigError, match=f"gamma: expected 0, or 1 and more, got {gamma}"):
            CriterionConfig(roi_focal_gamma=gamma)


@pytest.mark.parametrize("hard_examples", [False, True])
def test_boxes_of_absent_classes_are_not_taught(hard_examples: bool) -> None:
    config = CriterionConfig(hard_examples=hard_examples)
    model, found = compute(config, random_truth(), class_specific_boxes=True)
    found["roi_box"].backward()
    gradient = model.roi_head.box.weight.grad
    assert gradient is not None
    per_class = gradient.unflatten(0, (11, 4)).abs().sum(dim=(1, 2))
    taught = per_class.nonzero().flatten() + 1
    assert taught.tolist() == [1, 5, 11]


def test_box_per_class_that_is_the_same_for_all_is_class_agnostic() -> None:
    agnostic = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(4))
    specific = agnostic[:, :, None].expand(-1, -1, 11, -1)
    rois = random_truth().boxes[:, :1].expand(-1, 6, -1)
    classes = torch.tensor([[0, 1, 2, 5, 0, 11]] * 2)
    logits, hidden = torch.zeros(2, 6, 12), torch.zeros(2, 6, 8)
    targets = RoiTargets(rois, classes, rois + 3, torch.ones(2, 6, dtype=torch.bool))
    expected = Criterion.box_errors(RoiOutput(logits, agnostic, hidden), targets)
    found = Criterion.box_errors(RoiOutput(logits, specific, hidden), targets)
    torch.testing.assert_close(found, expected)
    assert (found[classes == 0] == 0).all()
    assert (found[classes > 0] > 0).all()
