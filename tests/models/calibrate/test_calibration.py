"""A calibration that is fitted, applied to probabilities, and folded into a network."""

import numpy as np
import pytest
import torch

from models.calibrate.calibration import Calibration, Evidence, fit, fold, to_logits
from models.thundernet.roi_head import RoiHead

pytestmark = pytest.mark.torch

CLASSES = 3


def sure(seed: int, count: int, temperature: float, offsets: tuple[float, ...]) -> Evidence:
    """Detections of a network whose logits have to be changed as said to be honest."""
    random = np.random.default_rng(seed)
    logits = torch.from_numpy(random.normal(0, 3, (count, CLASSES + 1)))
    classes = torch.from_numpy(random.integers(0, CLASSES, count))
    honest = logits / temperature + torch.tensor((0.0, *offsets))
    decays = torch.from_numpy(random.uniform(0.3, 1, count))
    truth = honest.softmax(dim=1).gather(1, classes[:, None] + 1).squeeze(1) * decays
    is_right = torch.from_numpy(random.random(count)) < truth
    return Evidence(logits, classes, decays, is_right.double())


def test_what_has_to_be_changed_is_found() -> None:
    found = fit(sure(1, 8_000, 2.0, (-1.0, 0.5, 0.0)))
    assert found.temperature == pytest.approx(2.0, rel=0.1)
    assert found.offsets == pytest.approx((-1.0, 0.5, 0.0), abs=0.3)


def test_honest_scores_are_left_alone() -> None:
    found = fit(sure(2, 8_000, 1.0, (0.0, 0.0, 0.0)))
    assert found.temperature == pytest.approx(1.0, rel=0.1)
    assert found.offsets == pytest.approx((0, 0, 0), abs=0.3)


def test_a_class_that_was_hardly_seen_keeps_its_offset_small() -> None:
    evidence = sure(3, 2000, 1.0, (0.0, 0.0, 0.0))
    rare = evidence.classes == 2
    first = rare.nonzero()[:1].squeeze(1)
    kept = torch.cat(((~rare).nonzero().squeeze(1), first))
    part = Evidence(*(values[kept] for values in evidence))
    part.is_right[-1] = 1 - part.is_right[-1]
    assert abs(fit(part).offsets[2]) < 1


def test_logits_are_those_of_the_probabilities() -> None:
    scores = np.array([[0.2, 0.1, 0.3]], np.float32)
    powers = np.exp(to_logits(scores))
    np.testing.assert_allclose(powers / powers.sum(), [[0.4, 0.2, 0.1, 0.3]], rtol=1e-6)


def test_a_network_with_the_calibration_in_it_gives_the_calibrated_scores() -> None:
    torch.manual_seed(4)
    head = RoiHead(20, 16, CLASSES)
    torch.nn.init.normal_(head.classify.weight)
    pooled = torch.randn(1, 30, 20)
    calibration = Calibration(1.7, (-0.8, 0.3, 1.1))
    before = head(pooled).class_logits.softmax(dim=2)[0, :, 1:].detach().numpy()
    weights = {f"roi_head.{name}": value for name, value in head.state_dict().items()}
    folded = fold(weights, calibration)
    head.load_state_dict({name.removeprefix("roi_head."): value for name, value in folded.items()})
    after = head(pooled).class_logits.softmax(dim=2)[0, :, 1:].detach().numpy()
    np.testing.assert_allclose(after, calibration.apply(before), atol=2e-6)


def test_boxes_are_left_alone() -> None:
    head = RoiHead(20, 16, CLASSES)
    weights = {f"roi_head.{name}": value for name, value in head.state_dict().items()}
    folded = fold(weights, Calibration(2.0, (1.0,) * CLASSES))
    changed = {name for name in weights if not torch.equal(weights[name], folded[name])}
    assert changed == {"roi_head.classify.weight", "roi_head.classify.bias"}
