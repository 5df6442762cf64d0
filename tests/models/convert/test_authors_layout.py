"""The converted network computes what the authors' code computes."""

import numpy as np
import pytest
import torch
from torch import Tensor

from models.complexity.macs import count_macs
from models.convert.foreign_weights import (
    load_foreign,
)
from models.export.parity import make_probes
from models.thundernet.config import ThunderNetConfig
from models.thundernet.roi_head import decode_rois
from models.thundernet.thundernet import DenseOutput, ThunderNet
from tests.models.authors_network import Anchor, AuthorsNetwork, list_shapes
from tests.models.convert.checkpoints import as_checkpoint

pytestmark = pytest.mark.torch

SIZE = 128
BN_LAYERS = 1 + 16 * 3 + 3 * 2 + 3  # stem, units, left branches, RPN and SAM
ROIS = [
    (8.0, 3.0, 101.0, 90.0),
    (40.0, 60.0, 127.0, 128.0),  # reaches the corner of the map
    (20.0, 20.0, 26.0, 120.0),  # narrower than a cell
]


class Pair:
    """One frame, seen by the converted network and by the slow reading of theirs."""

    def __init__(self, model: ThunderNet, weights: dict[str, Tensor]) -> None:
        frame = make_probes(SIZE, count=1)[0]
        bgr = torch.from_numpy(frame).permute(2, 0, 1)
        self.authors = AuthorsNetwork(weights)
        self.context = self.authors.context(bgr.flip(0).double())
        self.logits, self.deltas, self.features = self.authors.proposal_maps(self.context)
        with torch.no_grad():
            self.dense: DenseOutput = model(model.normalize(bgr[None].float()))


@pytest.fixture(scope="module")
def pair(converted: ThunderNet, weights: dict[str, Tensor]) -> Pair:
    return Pair(converted, weights)


def test_every_tensor_is_used_or_known_to_be_of_no_use(
    config: ThunderNetConfig, weights: dict[str, Tensor]
) -> None:
    conversion = load_foreign(ThunderNet(config), as_checkpoint(weights))
    assert len(conversion.ignored) == BN_LAYERS
    assert conversion.used + len(conversion.ignored) == len(weights) == len(list_shapes(80))
    assert all(name.endswith(".num_batches_tracked") for name in conversion.ignored)
    assert str(conversion).startswith(f"{conversion.used} tensors used, {BN_LAYERS} ignored (*.num")


def test_operations_are_those_of_the_authors_code(config: ThunderNetConfig) -> None:
    model = ThunderNet(config).eval()
    dense = count_macs(model, torch.zeros(1, 3, 320, 320))
    head = count_macs(model.roi_head, torch.zeros(1, 200, 245))
    assert (dense + head) / 1e6 == pytest.approx(777, abs=0.5)


def test_context_and_attention_are_theirs_bin_by_bin(pair: Pair) -> None:
    for ours, theirs in ((pair.dense.context, pair.context), (pair.dense.features, pair.features)):
        ours, theirs = ours[0].double(), theirs.reshape(245, SIZE // 16, SIZE // 16)
        assert theirs.std() > 0.1
        for row in range(7):
            for column in range(7):
                mine = ours[(row * 7 + column) * 5 :][:5]
                torch.testing.assert_close(mine, theirs[row * 7 + column :: 49], rtol=0, atol=1e-4)


def test_every_anchor_has_their_logit_and_deltas(pair: Pair, converted: ThunderNet) -> None:
    def by_box(anchors: list[Anchor]) -> list[Anchor]:
        return sorted(anchors, key=lambda anchor: [round(side, 2) for side in anchor.box])

    ours = zip(
        converted.anchors(SIZE).tolist(),
        pair.dense.objectness_logits[0].tolist(),
        pair.dense.deltas[0].tolist(),
        strict=True,
    )
    mine = by_box([Anchor(tuple(box), logit, tuple(deltas)) for box, logit, deltas in ours])
    theirs = by_box(pair.authors.anchors(pair.logits, pair.deltas))
    assert len(mine) == len(theirs) == 64 * 25
    for part in range(3):
        got, expected = (np.vstack([anchor[part] for anchor in side]) for side in (mine, theirs))
        assert expected.std() > 0.05
        np.testing.assert_allclose(got, expected, rtol=0, atol=2e-4)


@pytest.mark.parametrize("roi", ROIS, ids=["inside", "corner", "narrow"])
def test_every_class_has_their_probability_and_box(
    pair: Pair, converted: ThunderNet, roi: tuple[float, ...]
) -> None:
    expected = pair.authors.answer(pair.features, roi, SIZE)
    rois = torch.tensor([[roi]])
    with torch.no_grad():
        output = converted.classify(pair.dense.features, rois)
    probabilities = output.class_logits[0, 0].softmax(dim=0)
    assert expected.probabilities.max() > 3 * expected.probabilities.mean()
    torch.testing.assert_close(
        probabilities[1:].double(), expected.probabilities, rtol=1e-3, atol=1e-6
    )
    background = 1 - expected.probabilities.sum().item()
    assert probabilities[0].item() == pytest.approx(background, rel=1e-3)
    boxes = decode_rois(rois, output.deltas)[0, 0].clamp(0, SIZE)
    assert expected.boxes.std(dim=0).min() > 0.1  # classes differ
    torch.testing.assert_close(boxes, expected.boxes.float(), rtol=0, atol=2e-3)
