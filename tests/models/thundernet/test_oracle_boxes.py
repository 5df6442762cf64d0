"""Anchors, box coder, matcher, suppression and proposals against the slow oracle."""

from typing import Any

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from models.thundernet.anchors import make_anchors
from models.thundernet.box_coder import ROI_STDS, RPN_STDS, decode, encode
from models.thundernet.criterion import CriterionConfig
from models.thundernet.ground_truth import GroundTruth
from models.thundernet.matcher import match, object_rows
from models.thundernet.nms import suppress_by_matrix, suppress_on_cpu
from models.thundernet.proposals import propose
from tests.examples import examples
from tests.models import oracle

pytestmark = pytest.mark.torch

SUPPRESSIONS = pytest.mark.parametrize("suppress", [suppress_on_cpu, suppress_by_matrix])
NEAR = 1e-4  # overlaps this near a threshold may fall on either side of it in float32


@st.composite
def grid_boxes(draw: Any, least: int = 1, most: int = 12, side: int = 8) -> list[list[float]]:
    """Boxes with corners on a small grid: equal boxes and equal overlaps are common."""
    edge = st.integers(0, side - 1)
    found = []
    for _ in range(draw(st.integers(least, most))):
        x, y = draw(edge), draw(edge)
        w, h = draw(st.integers(1, side - x)), draw(st.integers(1, side - y))
        found.append([8.0 * value for value in (x, y, x + w, y + h)])
    return found


@st.composite
def boxes_and_truth(draw: Any) -> tuple[list[list[float]], list[list[float]]]:
    """Boxes, and objects that are parts of such boxes: overlaps of every size."""
    boxes = draw(grid_boxes(most=8))
    sixteenths = st.integers(5, 16)
    truth = []
    for index in draw(st.lists(st.integers(0, len(boxes) - 1), min_size=1, max_size=5)):
        x1, y1, x2, y2 = boxes[index]
        wide, high = draw(sixteenths), draw(st.one_of(st.just(16), sixteenths))
        truth.append([x1, y1, x1 + (x2 - x1) * wide / 16, y1 + (y2 - y1) * high / 16])
    return boxes, truth


def numbers(low: int, high: int) -> st.SearchStrategy[float]:
    """Hundredths: what float32 cannot tell apart teaches nothing."""
    return st.integers(100 * low, 100 * high).map(lambda hundredths: hundredths / 100)


def some_boxes() -> st.SearchStrategy[list[float]]:
    corner, side = numbers(-300, 600), numbers(0, 500)
    return st.builds(lambda x, y, w, h: [x, y, x + w, y + h], corner, corner, side, side)


@examples(50)
@given(
    height=st.integers(1, 4),
    width=st.integers(1, 4),
    stride=st.sampled_from([8, 16, 32]),
    scales=st.lists(numbers(8, 512), min_size=1, max_size=5),
    ratios=st.lists(
        st.sampled_from([0.25, 0.5, 0.75, 1.0, 4 / 3, 2.0, 3.5]), min_size=1, max_size=5
    ),
)
def test_anchors(
    height: int, width: int, stride: int, scales: list[float], ratios: list[float]
) -> None:
    found = make_anchors(height, width, stride, scales, ratios)
    expected = torch.tensor(oracle.anchors(height, width, stride, scales, ratios))
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-5)


@pytest.mark.parametrize("stds", [RPN_STDS, ROI_STDS])
@given(reference=some_boxes(), box=some_boxes())
def test_encoding(stds: tuple[float, ...], reference: list[float], box: list[float]) -> None:
    found = encode(torch.tensor([reference]), torch.tensor([box]), stds)[0]
    expected = torch.tensor(oracle.encode(reference, box, stds))
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("stds", [RPN_STDS, ROI_STDS])
@given(
    reference=some_boxes(),
    deltas=st.lists(numbers(-30, 30), min_size=4, max_size=4),
)
def test_decoding(stds: tuple[float, ...], reference: list[float], deltas: list[float]) -> None:
    found = decode(torch.tensor([reference]), torch.tensor([deltas]), stds)[0]
    expected = torch.tensor(oracle.decode(reference, deltas, stds))
    torch.testing.assert_close(found, expected, atol=0.02, rtol=1e-4)


@pytest.mark.parametrize("sixteenths", range(1, 17))
def test_matching_by_overlap_alone(sixteenths: int) -> None:
    """One box and one object of that part of it, on either side of both thresholds."""
    part = torch.tensor([[[0.0, 0.0, 4.0 * sixteenths, 64.0]]])
    truth = GroundTruth(part, torch.tensor([[1]]), torch.ones(1, 1, dtype=torch.bool))
    found = match(torch.tensor([[[0.0, 0.0, 64.0, 64.0]]]), truth, 0.7, 0.3)
    own = [[oracle.iou([0, 0, 64, 64], part[0, 0].tolist())]]
    expected, _ = expected_match([0, 0, 64, 64], 0, own, [], None)
    assert found.assignment.item() == expected


@examples(200)
@given(
    case=boxes_and_truth(),
    labels=st.lists(st.sampled_from([-1, 0, 1, 2]), min_size=5, max_size=5),
    best=st.sampled_from([None, 0.1, 0.3]),
)
def test_matching(
    case: tuple[list[list[float]], list[list[float]]], labels: list[int], best: float | None
) -> None:
    """Every rule of the matcher, box by box; of equally good objects any may be taken."""
    boxes, truth = case
    labels = labels[: len(truth)]
    padded = [box if label else [0.0] * 4 for box, label in zip(truth, labels, strict=True)]
    given_truth = GroundTruth(
        torch.tensor([padded]), torch.tensor([labels]), torch.ones(1, 2, dtype=torch.bool)
    )
    found = match(torch.tensor([boxes]), given_truth, 0.7, 0.3, best)
    object_row = object_rows(torch.tensor([boxes]), given_truth, found.best_from)
    objects = [box for box, label in zip(truth, labels, strict=True) if label > 0]
    regions = [box for box, label in zip(truth, labels, strict=True) if label == -1]
    overlaps = [[oracle.iou(box, one) for one in objects] for box in boxes]
    covers = [
        oracle.intersection(box, region) / oracle.area(box) for box in boxes for region in regions
    ]
    thresholds = (0.3, 0.7, *([best] if best else []))
    assume(all(abs(v - t) > NEAR for row in overlaps for v in row for t in thresholds))
    assume(all(abs(v - 0.5) > NEAR for v in covers))
    for row, box in enumerate(boxes):
        kind, allowed = expected_match(box, row, overlaps, regions, best)
        assert found.assignment[0, row] == kind
        if kind == 1:
            chosen = padded[int(object_row[0, row])]
            assert chosen in [objects[index] for index in allowed]


def expected_match(
    box: list[float],
    row: int,
    overlaps: list[list[float]],
    regions: list[list[float]],
    best: float | None,
) -> tuple[int, list[int]]:
    """1 object, 0 background, -1 neither; and which objects it may belong to."""
    own = overlaps[row]
    most = max(own, default=0.0)
    if best is not None:
        champions = [max(other[k] for other in overlaps) for k in range(len(own))]
        mine = [k for k, v in enumerate(own) if champions[k] >= best and v >= champions[k] - 1e-5]
        if mine:
            top = max(own[k] for k in mine)
            return 1, [k for k in mine if own[k] >= top - NEAR]
    if most >= 0.7:
        return 1, [k for k, v in enumerate(own) if v >= most - NEAR]
    if any(oracle.intersection(box, region) / oracle.area(box) > 0.5 for region in regions):
        return -1, []
    return (0 if most < 0.3 else -1), []


@SUPPRESSIONS
@given(boxes=grid_boxes(most=20), places=st.integers(1, 20), data=st.data())
def test_suppression(suppress: Any, boxes: list[list[float]], places: int, data: Any) -> None:
    ranks = data.draw(st.permutations(range(len(boxes))))  # no two scores are equal
    scores = [rank / 32 for rank in ranks]
    kept = suppress(torch.tensor([boxes]), torch.tensor([scores]), places, 0.5)
    expected = oracle.suppress(boxes, scores, places, 0.5)
    assert kept.chosen[0][kept.valid[0]].tolist() == expected


@SUPPRESSIONS
def test_suppression_of_a_chain(suppress: Any) -> None:
    """Each box would remove the next one, were it not removed by the one before."""
    boxes = [[4.0 * i, 0.0, 4.0 * i + 16, 16.0] for i in range(20)]  # neighbours: IoU 0.6
    scores = [1 - i / 32 for i in range(20)]
    kept = suppress(torch.tensor([boxes]), torch.tensor([scores]), 20, 0.5)
    expected = oracle.suppress(boxes, scores, 20, 0.5)
    assert expected == list(range(0, 20, 2))
    assert kept.chosen[0][kept.valid[0]].tolist() == expected


@pytest.mark.parametrize("seed", range(6))
def test_proposals(seed: int) -> None:
    """Deltas as wild as those of a fresh network, and boxes that leave the image or vanish."""
    generator = torch.Generator().manual_seed(seed)
    size = 96
    references = make_anchors(6, 6, 16, (16.0, 48.0), (0.5, 2.0))
    count = len(references)
    scores = torch.randperm(2 * count, generator=generator).float().view(2, count) / 64
    deltas = torch.randn(2, count, 4, generator=generator) * torch.tensor([1.0, 1.0, 0.8, 0.8])
    pre_nms, post_nms = (count, 300) if seed % 2 else (60, 25)
    config = CriterionConfig(pre_nms_top_n=pre_nms, post_nms_top_n=post_nms, nms_thresh=0.7)
    found = propose(scores, deltas, references, size, config)
    for image in range(2):
        expected = oracle.propose(
            scores[image].tolist(),
            deltas[image].tolist(),
            references.tolist(),
            size=size,
            pre_nms=pre_nms,
            post_nms=post_nms,
            most=0.7,
        )
        boxes = found.boxes[image][found.valid[image]]
        torch.testing.assert_close(boxes, torch.tensor(expected), atol=1e-3, rtol=0)
    assert expected
