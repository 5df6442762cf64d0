import pytest
import torch

from models.thundernet.batched_rows import take

pytestmark = pytest.mark.torch


def test_images_may_share_the_rows() -> None:
    values = torch.arange(12.0).reshape(1, 3, 4)
    index = torch.tensor([[2, 0], [1, 1]])
    taken = take(values, index)
    assert torch.equal(taken[0], values[0, [2, 0]])
    assert torch.equal(taken[1], values[0, [1, 1]])


def test_images_may_have_rows_of_their_own() -> None:
    values = torch.arange(12.0).reshape(2, 3, 2)
    index = torch.tensor([[2, 0], [1, 1]])
    assert take(values, index).tolist() == [[[4, 5], [0, 1]], [[8, 9], [8, 9]]]


def test_single_numbers_are_rows_too() -> None:
    values = torch.tensor([[5, 6, 7], [8, 9, 10]])
    assert take(values, torch.tensor([[2, 2, 0], [0, 1, 1]])).tolist() == [[7, 7, 5], [8, 9, 9]]
