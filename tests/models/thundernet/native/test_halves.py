import pytest
import torch
from torch import Tensor

from models.thundernet.backbones.snet import BasicUnit
from models.thundernet.native import halves
from models.thundernet.native.library import library
from tests.models.thundernet.native.maps import random_map

pytestmark = pytest.mark.torch


@pytest.mark.parametrize(("channels", "side"), [(60, 7), (2, 3), (240, 2), (26, 33)])
def test_halves_and_their_gradients_are_exact(channels: int, side: int) -> None:
    whole = random_map(channels, side).requires_grad_()
    assert halves.serves(whole) == (channels > 1)
    even, odd = halves.split(whole)
    assert torch.equal(even, whole[:, 0::2])
    assert torch.equal(odd, whole[:, 1::2])
    joined = halves.join(odd, even)
    assert torch.equal(joined, torch.cat((odd, even), dim=1))
    assert joined.is_contiguous(memory_format=torch.channels_last)
    gradient = random_map(channels, side, seed=3)
    joined.backward(gradient)
    expected = torch.stack(gradient.chunk(2, dim=1)[::-1], dim=2).flatten(1, 2)
    assert whole.grad is not None
    assert torch.equal(whole.grad, expected)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_gradients_of_any_layout_are_put_together(layout: torch.memory_format) -> None:
    whole = random_map(12, 5).requires_grad_()
    even, odd = halves.split(whole)
    first, second = random_map(6, 5, seed=1), random_map(6, 5, seed=2)[:, :, :, :1].expand_as(odd)
    torch.autograd.backward((even, odd), (first.contiguous(memory_format=layout), second))
    assert whole.grad is not None
    assert torch.equal(whole.grad[:, 0::2], first)
    assert torch.equal(whole.grad[:, 1::2], second)


def test_unit_is_that_of_torch() -> None:
    torch.manual_seed(0)
    unit = BasicUnit(32)

    def run() -> tuple[Tensor, Tensor]:
        x = random_map(32, 9).requires_grad_()
        y = unit(x)
        y.backward(random_map(32, 9, seed=4))
        assert x.grad is not None
        return y.detach(), x.grad

    with library.disabled():
        expected = run()
    for got, wanted in zip(run(), expected, strict=True):
        torch.testing.assert_close(got, wanted, atol=1e-4, rtol=1e-4)


def test_other_maps_are_left_to_torch() -> None:
    x = random_map(12, 5)
    assert halves.serves(x)
    assert not halves.serves(x.contiguous())
    assert not halves.serves(x.double())
    assert not halves.serves(x[:, :6])
    assert not halves.serves(x[:1])
