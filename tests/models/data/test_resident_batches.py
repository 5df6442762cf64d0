"""Batches from a device are those of the computer's memory; the CPU stands for the device."""

import numpy as np
import pytest
import torch

from models.data.batches import Batches
from models.data.resident_batches import ResidentBatches, fits, place
from models.errors import ConfigError
from models.thundernet.distributed import Share
from models.thundernet.ground_truth import IGNORE, PADDING
from tests.models.data.test_batches import make_samples

pytestmark = pytest.mark.torch

CPU = torch.device("cpu")
SETS = [make_samples([[1], [2, 3], [IGNORE]] * 100), make_samples([[1, 1, 2], []], source="b")]
WEIGHTS = [np.ones(300), np.ones(2)]


@pytest.mark.parametrize("share", [Share(), Share(1, 2)])
def test_content_is_that_of_batches_in_memory(share: Share) -> None:
    usual = Batches(SETS, WEIGHTS, 20, seed=3, share=share)
    resident = ResidentBatches(usual, CPU)
    for iteration in (0, 5, 31):
        expected, found = usual.batch(iteration), resident.batch(iteration)
        assert torch.equal(found.images, expected.images)
        assert torch.equal(found.labelled, expected.labelled)
        width = found.labels.shape[1]
        assert torch.equal(found.labels, expected.labels[:, :width])
        assert torch.equal(found.boxes, expected.boxes[:, :width])
        assert (expected.labels[:, width:] == PADDING).all()


def test_every_batch_has_the_same_shape() -> None:
    resident = ResidentBatches(Batches(SETS, WEIGHTS, 20, seed=3, max_boxes=7), CPU)
    assert {resident.batch(i).boxes.shape for i in range(5)} == {(20, 7, 4)}


def test_more_boxes_than_the_fixed_padding_are_refused() -> None:
    batches = Batches(SETS, WEIGHTS, 20, seed=3, max_boxes=2)
    with pytest.raises(ConfigError, match="max_boxes: expected at least 3 for this data, got 2"):
        ResidentBatches(batches, CPU)


def test_images_stay_in_memory_without_a_gpu() -> None:
    batches = Batches(SETS, WEIGHTS, 20, seed=3)
    assert place(batches, CPU) is batches


def test_images_that_leave_no_room_for_training_do_not_fit() -> None:
    total = sum(samples.images.nbytes for samples in SETS)
    assert fits(SETS, 2 * total)
    assert not fits(SETS, 2 * total - 2)
