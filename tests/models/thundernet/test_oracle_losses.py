"""PSRoIAlign, losses and hard examples against the slow oracle."""

from typing import Any, Literal

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from models.thundernet import losses
from models.thundernet.box_coder import ROI_STDS
from models.thundernet.config import ThunderNetConfig
from models.thundernet.criterion import Criterion, CriterionConfig, RoiTargets
from models.thundernet.ground_truth import GroundTruth
from models.thundernet.psroi_align import psroi_align
from models.thundernet.roi_head import RoiOutput
from models.thundernet.sampler import draw
from models.thundernet.thundernet import ThunderNet
from tests.examples import examples
from tests.models import oracle

pytestmark = pytest.mark.torch

SEEDS = pytest.mark.parametrize("seed", range(5))


def normal(*shape: int, seed: int, spread: float = 1.0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * spread


def chance(*shape: int, seed: int, part: float = 0.5) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < part


# The deployed shape, and small ones.
SHAPES = st.sampled_from([(7, 5, 4, 6), (3, 2, 5, 5), (1, 1, 2, 3)])  # bins, depth, H, W
EDGES = st.integers(-6000, 16000).map(lambda hundredths: hundredths / 100)
SIDES = st.one_of(st.just(0.0), st.integers(0, 20000).map(lambda hundredths: hundredths / 100))


@pytest.mark.parametrize("reduction", ["mean", "max"])
@examples(25)
@given(shape=SHAPES, x=EDGES, y=EDGES, width=SIDES, height=SIDES, seed=st.integers(0, 99))
def test_psroi_align(
    reduction: Literal["mean", "max"],
    shape: tuple[int, int, int, int],
    x: float,
    y: float,
    width: float,
    height: float,
    seed: int,
) -> None:
    bins, depth, rows, columns = shape
    features = normal(1, bins * bins * depth, rows, columns, seed=seed)
    roi = [x, y, x + width, y + height]
    # A sample exactly one cell outside the map counts or not, by the last bit of its place.
    assume(not has_sample_at_the_cut_off(roi, (columns, rows), bins))
    found = psroi_align(features, torch.tensor([[roi]]), 1 / 16, bins, reduction)
    expected = oracle.psroi_align(features[0].tolist(), roi, 16, bins, reduction == "mean")
    torch.testing.assert_close(found[0, 0], torch.tensor(expected), atol=2e-4, rtol=0)


def has_sample_at_the_cut_off(roi: list[float], cells_xy: tuple[int, int], bins: int) -> bool:
    for axis, cells in enumerate(cells_xy):
        start, side = roi[axis] / 16, max((roi[axis + 2] - roi[axis]) / 16, 0.1)
        for number in range(2 * bins):
            place = start + (number + 0.5) * side / (2 * bins)
            if min(abs(place + 1), abs(place - cells)) < 1e-4:
                return True
    return False


@SEEDS
def test_objectness_loss(seed: int) -> None:
    logits = normal(2, 12, seed=seed, spread=3)
    positive, valid = chance(2, 12, seed=seed, part=0.3), chance(2, 12, seed=seed + 99)
    each = [
        oracle.binary_cross_entropy(logit, is_object)
        for logit, is_object, counts in flat(logits, positive, valid)
        if counts
    ]
    found = losses.objectness_loss(logits, positive, valid)
    assert found.item() == pytest.approx(sum(each) / len(each), rel=1e-5)


def flat(*tensors: torch.Tensor) -> list[tuple[Any, ...]]:
    return list(zip(*(tensor.flatten().tolist() for tensor in tensors), strict=True))


@SEEDS
def test_box_loss(seed: int) -> None:
    deltas, target = normal(2, 9, 4, seed=seed), normal(2, 9, 4, seed=seed + 50)
    valid = chance(2, 9, seed=seed, part=0.8)
    positive = valid & chance(2, 9, seed=seed + 99)
    total, count = 0.0, 0
    for image in range(2):
        for row in range(9):
            count += int(valid[image, row])
            if positive[image, row]:
                pairs = zip(deltas[image, row].tolist(), target[image, row].tolist(), strict=True)
                total += sum(abs(one - other) for one, other in pairs)
    found = losses.box_loss(deltas, target, positive, valid)
    assert found.item() == pytest.approx(total / count, rel=1e-5)


@SEEDS
def test_class_losses(seed: int) -> None:
    """Of a background RoI, classes that were not annotated take no part in the softmax."""
    logits = normal(3, 7, 5, seed=seed, spread=2)
    classes = torch.randint(0, 5, (3, 7), generator=torch.Generator().manual_seed(seed))
    labelled = chance(3, 4, seed=seed + 99)
    found = losses.class_losses(logits, classes, labelled)
    trusting = losses.class_losses(logits, classes, labelled, 0.3)
    for image in range(3):
        for row in range(7):
            chosen = int(classes[image, row])
            allowed = [True] + [bool(chosen) or bool(known) for known in labelled[image]]
            expected = oracle.cross_entropy(logits[image, row].tolist(), chosen, allowed)
            assert found[image, row].item() == pytest.approx(expected, rel=1e-4, abs=1e-5)
            every = oracle.cross_entropy(logits[image, row].tolist(), chosen, [True] * 5)
            mixed = 0.7 * expected + 0.3 * every
            assert trusting[image, row].item() == pytest.approx(mixed, rel=1e-4, abs=1e-5)


@SEEDS
def test_context_loss(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(2, 4, 2, generator=generator) * 50
    boxes = torch.cat((corner, corner + 5 + torch.rand(2, 4, 2, generator=generator) * 40), dim=2)
    labels = torch.randint(-1, 4, (2, 4), generator=generator)
    labelled = chance(2, 3, seed=seed + 99)
    logits = normal(2, 3, 5, 6, seed=seed, spread=2)
    total, doubted, covered = 0.0, 0.0, 0
    for image in range(2):
        truth = list(zip(boxes[image].tolist(), labels[image].tolist(), strict=True))
        for y in range(5):
            for x in range(6):
                over = {label for box, label in truth if covers(box, 16 * x, 16 * y)}
                for index in range(3):
                    is_class = index + 1 in over
                    covered += is_class
                    loss = oracle.focal(logits[image, index, y, x].item(), is_class)
                    if is_class or (labelled[image, index] and -1 not in over):
                        total += loss
                    elif -1 not in over:
                        doubted += loss
    found = losses.context_loss(logits, GroundTruth(boxes, labels, labelled))
    assert found.item() == pytest.approx(total / max(covered, 1), rel=1e-4)
    found = losses.context_loss(logits, GroundTruth(boxes, labels, labelled), 0.3)
    assert found.item() == pytest.approx((total + 0.3 * doubted) / max(covered, 1), rel=1e-4)


def covers(box: list[float], x: float, y: float) -> bool:
    return box[0] <= x < box[2] and box[1] <= y < box[3]


@SEEDS
def test_hard_examples_are_those_of_the_highest_loss(seed: int) -> None:
    """OHEM (Sec. 4.1): class and box loss of every candidate, and the first of that order."""
    count, drawn = 40, 9
    logits, deltas = normal(1, count, 4, seed=seed, spread=2), normal(1, count, 4, seed=seed + 1)
    corner = torch.rand(1, count, 2, generator=torch.Generator().manual_seed(seed)) * 60
    rois = torch.cat((corner, corner + 20), dim=2)
    matched = rois + normal(1, count, 4, seed=seed + 2, spread=3)
    classes = torch.randint(0, 4, (1, count), generator=torch.Generator().manual_seed(seed))
    targets = RoiTargets(rois, classes, matched, torch.ones(1, count, dtype=torch.bool))
    labelled = torch.ones(1, 3, dtype=torch.bool)
    output = RoiOutput(logits, deltas, hidden=logits)
    criterion = Criterion(ThunderNet(ThunderNetConfig()), CriterionConfig(hard_examples=True))
    expected = []
    for row in range(count):
        chosen = int(classes[0, row])
        loss = oracle.cross_entropy(logits[0, row].tolist(), chosen, [True] * 4)
        if chosen:
            target = oracle.encode(rois[0, row].tolist(), matched[0, row].tolist(), ROI_STDS)
            pairs = zip(deltas[0, row].tolist(), target, strict=True)
            loss += sum(abs(one - other) for one, other in pairs)
        expected.append(loss)
    each_class = criterion.class_errors(output, targets, labelled)
    found = each_class + criterion.box_errors(output, targets)
    torch.testing.assert_close(found[0], torch.tensor(expected), atol=1e-3, rtol=1e-4)
    keys = found / (1 + found)
    chosen_rows = draw(torch.zeros(1, count), keys, drawn, 0).chosen[0].tolist()
    hardest = sorted(range(count), key=lambda row: -expected[row])[:drawn]
    assert sorted(chosen_rows) == sorted(hardest)
