"""Losses: what counts, what does not, and by how much it is divided."""

import pytest
import torch
from torch.nn import functional as F

from models.thundernet import losses
from models.thundernet.ground_truth import IGNORE, PADDING, GroundTruth

pytestmark = pytest.mark.torch


def test_objectness_counts_valid_examples_only() -> None:
    logits = torch.tensor([[2.0, -1.0, 50.0]])
    positive = torch.tensor([[True, False, False]])
    valid = torch.tensor([[True, True, False]])
    expected = F.binary_cross_entropy_with_logits(logits[:, :2], torch.tensor([[1.0, 0.0]]))
    torch.testing.assert_close(losses.objectness_loss(logits, positive, valid), expected)


def test_box_loss_is_divided_by_all_examples_drawn() -> None:
    deltas = torch.ones(1, 4, 4)
    positive = torch.tensor([[True, False, False, False]])
    loss = losses.box_loss(deltas, torch.zeros(1, 4, 4), positive, torch.ones(1, 4))
    assert loss == pytest.approx(4 / 4)


def test_batch_without_objects_keeps_a_valid_gradient() -> None:
    deltas = torch.ones(1, 3, 4, requires_grad=True)
    nothing = torch.zeros(1, 3, dtype=torch.bool)
    losses.box_loss(deltas, torch.zeros(1, 3, 4), nothing, nothing).backward()
    assert deltas.grad is not None
    assert deltas.grad.abs().max() == 0


def test_unlabelled_class_is_not_punished_on_background() -> None:
    logits = torch.tensor([[[0.0, 5.0, 0.0]]], requires_grad=True)  # sure of class 1
    labelled = torch.tensor([[False, True]])
    background = torch.tensor([[0]])
    losses.class_losses(logits, background, labelled).sum().backward()
    assert logits.grad is not None
    assert logits.grad[0, 0, 1] == 0
    assert logits.grad[0, 0, 2] > 0  # the labelled class is


@pytest.mark.parametrize("trust", [0.25, 1.0])
def test_unlabelled_class_is_punished_as_far_as_trusted(trust: float) -> None:
    logits = torch.tensor([[[0.0, 5.0, 0.0]]], requires_grad=True)
    labelled = torch.tensor([[False, True]])
    losses.class_losses(logits, torch.tensor([[0]]), labelled, trust).sum().backward()
    assert logits.grad is not None
    everything_known = logits.detach().softmax(dim=-1)[0, 0, 1]
    torch.testing.assert_close(logits.grad[0, 0, 1], trust * everything_known)


def test_object_of_an_unlabelled_class_is_learnt() -> None:
    """A pseudo box may be of a class that the source does not label."""
    logits = torch.zeros(1, 1, 3, requires_grad=True)
    losses.class_losses(logits, torch.tensor([[1]]), torch.tensor([[False, True]])).sum().backward()
    assert logits.grad is not None
    assert logits.grad[0, 0, 1] < 0


def roi_logits(*shape: int) -> torch.Tensor:
    return 3 * torch.randn(*shape, generator=torch.Generator().manual_seed(4))


def test_smoothing_shares_a_part_of_the_target_among_all_classes() -> None:
    logits, classes = roi_logits(2, 5, 4), torch.arange(10).view(2, 5) % 4
    everything = torch.ones(2, 3, dtype=torch.bool)
    found = losses.class_losses(logits, classes, everything, 0.0, losses.Softening(smoothing=0.1))
    expected = F.cross_entropy(
        logits.flatten(0, 1), classes.flatten(), reduction="none", label_smoothing=0.1
    )
    torch.testing.assert_close(found.flatten(), expected)


def test_smoothing_gives_nothing_to_classes_that_are_no_choice() -> None:
    """As if the network had the labelled classes only."""
    logits, background = roi_logits(1, 5, 4), torch.zeros(1, 5, dtype=torch.int64)
    labelled = torch.tensor([[True, False, True]])
    softening = losses.Softening(smoothing=0.1)
    found = losses.class_losses(logits, background, labelled, 0.0, softening)
    expected = losses.class_losses(
        logits[..., [0, 1, 3]], background, torch.ones(1, 2, dtype=torch.bool), 0.0, softening
    )
    torch.testing.assert_close(found, expected)


def test_focal_loss_is_the_less_the_surer_the_right_class_is() -> None:
    logits, classes = roi_logits(2, 5, 4), torch.arange(10).view(2, 5) % 4
    everything = torch.ones(2, 3, dtype=torch.bool)
    plain = losses.class_losses(logits, classes, everything)
    found = losses.class_losses(logits, classes, everything, 0.0, losses.Softening(focal_gamma=2))
    right = logits.softmax(dim=-1).gather(2, classes[..., None])[..., 0]
    torch.testing.assert_close(found, plain * (1 - right) ** 2)


def test_softened_loss_of_what_is_certain_has_a_gradient_that_ends() -> None:
    logits = torch.tensor([[[200.0, 0.0, -200.0]]], requires_grad=True)
    softening = losses.Softening(smoothing=0.05, focal_gamma=1)
    background, labelled = torch.zeros(1, 1, dtype=torch.int64), torch.tensor([[True, False]])
    losses.class_losses(logits, background, labelled, 0.5, softening).sum().backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def truth_with(labels: list[int], boxes: list[list[float]]) -> GroundTruth:
    return GroundTruth(
        torch.tensor([boxes]), torch.tensor([labels]), torch.tensor([[True, True, False]])
    )


def test_context_targets_cover_the_cells_of_a_box() -> None:
    truth = truth_with([2, PADDING], [[16.0, 0.0, 48.0, 32.0], [0.0] * 4])
    target, known = losses.context_targets(truth, 4, 4)
    cells = target[0].view(4, 4, 3)[..., 1]  # class 2
    assert cells.nonzero().tolist() == [[0, 1], [0, 2], [1, 1], [1, 2]]
    assert target[0, :, [0, 2]].sum() == 0
    assert known[0, :, :2].all()
    assert not known[0, :, 2].any()  # class 3 was not annotated


def test_context_ignores_cells_of_ignore_regions() -> None:
    truth = truth_with([1, IGNORE], [[0.0, 0.0, 32.0, 16.0], [0.0, 0.0, 64.0, 16.0]])
    target, known = losses.context_targets(truth, 4, 4)
    first_row = known[0].view(4, 4, 3)[0]
    assert first_row[:, 1].tolist() == [False] * 4  # class 2 may hide there
    assert first_row[:, 0].tolist() == [True, True, False, False]  # class 1 was seen in two
    assert target[0].sum() == 2


def test_context_map_is_told_no_as_far_as_trusted() -> None:
    """Class 3 is not labelled; a region to ignore says nothing of any class."""
    truth = truth_with([1, IGNORE], [[0, 0, 32, 64], [32, 0, 64, 32]])
    _, sureness = losses.context_targets(truth, 4, 4, unlabelled_trust=0.25)
    assert sureness[0, 0].tolist() == [1, 1, 0.25]
    assert sureness[0, 2].tolist() == [0, 0, 0]


def test_context_loss_falls_with_the_right_answer() -> None:
    truth = truth_with([1], [[0.0, 0.0, 32.0, 32.0]])
    target, _ = losses.context_targets(truth, 4, 4)
    right = (target.float() * 10 - 5).transpose(1, 2).reshape(1, 3, 4, 4)
    assert losses.context_loss(right, truth) < 0.01 * losses.context_loss(-right, truth)
