import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.thundernet.native import batch_norm
from tests.models.thundernet.native.maps import random_map

pytestmark = pytest.mark.torch


def random_norm(channels: int) -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(channels)
    generator = torch.Generator().manual_seed(1)
    norm.weight.data.uniform_(0.5, 2, generator=generator)
    norm.bias.data.normal_(generator=generator)
    return norm


# Widths whose rows join to full vectors, with and without a rest of rows, and one that joins none.
@pytest.mark.parametrize(("channels", "side"), [(24, 16), (30, 9), (245, 5), (512, 4), (1, 3)])
@pytest.mark.parametrize("relu", [False, True])
def test_batch_norm_is_that_of_double_precision(channels: int, side: int, relu: bool) -> None:
    norm, exact = random_norm(channels), random_norm(channels).double()
    x = random_map(channels, side).requires_grad_()
    x64 = x.detach().double().requires_grad_()
    assert batch_norm.serves(x, norm)
    y, expected = batch_norm.batch_norm(x, norm, relu), exact(x64)
    if relu:
        expected = F.relu(expected)
    gradient = random_map(channels, side, seed=2)
    y.backward(gradient)
    expected.backward(gradient.double())
    torch.testing.assert_close(y.double(), expected, atol=1e-5, rtol=1e-5)
    assert x.grad is not None
    torch.testing.assert_close(x.grad.double(), x64.grad, atol=1e-4, rtol=1e-4)
    for ours, theirs in zip(norm.parameters(), exact.parameters(), strict=True):
        assert ours.grad is not None
        torch.testing.assert_close(ours.grad.double(), theirs.grad, atol=1e-3, rtol=1e-4)
    assert norm.state_dict().keys() == exact.state_dict().keys()
    for mine, its in zip(norm.buffers(), exact.buffers(), strict=True):
        torch.testing.assert_close(mine.double(), its.double(), atol=1e-5, rtol=1e-5)


def test_batch_norm_does_not_depend_on_the_threads() -> None:
    x, before = random_map(30, 40), torch.get_num_threads()

    def run(threads: int) -> Tensor:
        torch.set_num_threads(threads)
        return batch_norm.batch_norm(x, random_norm(30), True)

    try:
        assert torch.equal(run(1), run(3))
    finally:
        torch.set_num_threads(before)


def test_large_means_do_not_cancel() -> None:
    x = random_map(16, 32) + 1e4
    exact = F.batch_norm(x.double(), None, None, training=True)
    got = batch_norm.batch_norm(x, nn.BatchNorm2d(16), False)
    torch.testing.assert_close(got.double(), exact, atol=2e-3, rtol=0)


@pytest.mark.parametrize(
    "norm",
    [
        nn.SyncBatchNorm(16),
        nn.BatchNorm2d(16, affine=False),
        nn.BatchNorm2d(16, track_running_stats=False),
        nn.BatchNorm2d(16, momentum=None),
        nn.BatchNorm2d(16).eval(),
        nn.ReLU(),
    ],
)
def test_what_the_kernel_does_not_know_is_left_to_torch(norm: nn.Module) -> None:
    assert not batch_norm.serves(random_map(16, 4), norm)


def test_other_types_and_layouts_are_left_to_torch() -> None:
    norm, x = nn.BatchNorm2d(16), random_map(16, 4)
    assert not batch_norm.serves(x.contiguous(), norm)
    assert not batch_norm.serves(x.double(), norm)
    assert not batch_norm.serves(x.bfloat16(), norm)
