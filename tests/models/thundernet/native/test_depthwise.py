import copy

import pytest
import torch
from torch import nn

from models.thundernet.native import depthwise
from tests.models.thundernet.native.maps import random_map

pytestmark = pytest.mark.torch


@pytest.mark.parametrize(
    ("channels", "side", "kernel", "stride"),
    [(60, 10, 5, 1), (30, 9, 5, 2), (16, 8, 3, 2), (245, 5, 5, 1), (24, 3, 5, 1)],
)
def test_depthwise_gradients_are_those_of_double_precision(
    channels: int, side: int, kernel: int, stride: int
) -> None:
    layer = nn.Conv2d(channels, channels, kernel, stride, kernel // 2, groups=channels, bias=False)
    exact = copy.deepcopy(layer).double()
    x = random_map(channels, side).requires_grad_()
    x64 = x.detach().double().requires_grad_()
    assert depthwise.serves(x, layer)
    y, expected = depthwise.convolve(x, layer), exact(x64)
    gradient = torch.randn(y.shape, generator=torch.Generator().manual_seed(2))
    y.backward(gradient)
    expected.backward(gradient.double())
    torch.testing.assert_close(y.double(), expected, atol=1e-4, rtol=1e-5)
    assert x.grad is not None
    torch.testing.assert_close(x.grad.double(), x64.grad, atol=1e-4, rtol=1e-5)
    assert layer.weight.grad is not None
    torch.testing.assert_close(layer.weight.grad.double(), exact.weight.grad, atol=1e-3, rtol=1e-5)
