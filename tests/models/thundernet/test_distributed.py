"""What a process alone sees; two of them are in train/test_data_parallel.py."""

import pytest
import torch

from models.thundernet.distributed import (
    ALONE,
    Share,
    gather_from_processes,
    loss_divisor,
    own_share,
    sum_over_processes,
)

pytestmark = pytest.mark.torch


def test_shares_of_a_batch_are_equal_and_in_order() -> None:
    batch = list(range(6))
    assert [Share(rank, 3).of(batch) for rank in range(3)] == [[0, 1], [2, 3], [4, 5]]
    assert ALONE.of(batch) == batch


def test_a_process_alone_is_the_first_of_one() -> None:
    assert own_share() == ALONE


def test_alone_a_sum_is_its_own_value_without_gradient() -> None:
    values = torch.tensor([2.0, 3.0], requires_grad=True)
    total = sum_over_processes(values)
    assert total.tolist() == [2.0, 3.0]
    assert not total.requires_grad
    assert total.data_ptr() != values.data_ptr()  # may be changed without changing the values
    assert gather_from_processes(values).tolist() == [[2.0, 3.0]]


def test_the_divisor_of_no_examples_is_one() -> None:
    assert loss_divisor(torch.tensor(7)).item() == 7
    assert loss_divisor(torch.tensor(0)).item() == 1
