import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.thundernet.layers import Layers, convolve
from models.thundernet.native import pointwise
from models.thundernet.native.library import library
from tests.models.thundernet.native.maps import random_map

pytestmark = pytest.mark.torch

NEAR = 1e-3  # of zero: there a ReLU may open for one precision and not for the other


@pytest.fixture(autouse=True)
def matrix_unit(compiled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    if not pointwise.available():
        pytest.skip("no matrix unit")
    monkeypatch.setattr(library, "matrix_unit", True)


def random_layers(inputs: int, outputs: int) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    torch.manual_seed(1)
    norm = nn.BatchNorm2d(outputs)
    nn.init.uniform_(norm.weight, 0.5, 2)
    nn.init.normal_(norm.bias)
    return nn.Conv2d(inputs, outputs, 1, bias=False), norm


def error(found: Tensor, exact: Tensor) -> float:
    """Length of the difference over the length of what is exact."""
    return float((found.detach().double() - exact.detach()).norm() / exact.detach().norm())


# Widths and numbers of pixels that fill tiles and chunks, and such as do not.
SHAPES = [(64, 32, 16), (30, 60, 9), (245, 100, 6), (3, 11, 5), (24, 1, 23)]


@pytest.mark.parametrize(("inputs", "outputs", "side"), SHAPES)
@pytest.mark.parametrize("relu", [False, True])
def test_with_batch_norm_it_is_near_double_precision(
    inputs: int, outputs: int, side: int, relu: bool
) -> None:
    conv, norm = random_layers(inputs, outputs)
    exact = nn.Sequential(*random_layers(inputs, outputs)).double()
    x = random_map(inputs, side).requires_grad_()
    x64 = x.detach().double().requires_grad_()
    assert pointwise.serves(x, conv, norm)
    y, before = pointwise.convolve(x, conv, norm, relu), exact(x64)
    expected = F.relu(before) if relu else before
    gradient = random_map(outputs, side, seed=2).where(before.abs() > NEAR, 0)
    y.backward(gradient)
    expected.backward(gradient.double())
    assert error(y, expected) < 2e-5
    ours = (x, conv.weight, norm.weight, norm.bias)
    for mine, its in zip(ours, (x64, *exact.parameters()), strict=True):
        assert mine.grad is not None
        assert its.grad is not None
        assert error(mine.grad, its.grad) < 5e-5
    for buffer, its in zip(norm.buffers(), exact[1].buffers(), strict=True):
        torch.testing.assert_close(buffer.double(), its.double(), atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize(("inputs", "outputs", "side"), SHAPES)
def test_with_a_bias_it_is_near_double_precision(inputs: int, outputs: int, side: int) -> None:
    conv = nn.Conv2d(inputs, outputs, 1)
    exact = nn.Conv2d(inputs, outputs, 1).double()
    exact.load_state_dict(conv.state_dict())
    x = random_map(inputs, side).requires_grad_()
    x64 = x.detach().double().requires_grad_()
    assert pointwise.serves_alone(x, conv)
    y, expected = convolve(conv, x), exact(x64)
    gradient = random_map(outputs, side, seed=2)
    y.backward(gradient)
    expected.backward(gradient.double())
    assert error(y, expected) < 2e-5
    for mine, its in ((x, x64), *zip(conv.parameters(), exact.parameters(), strict=True)):
        assert mine.grad is not None
        assert its.grad is not None
        assert error(mine.grad, its.grad) < 2e-5


def test_a_gradient_may_be_half_of_a_map() -> None:
    conv, norm = random_layers(30, 30)
    gradient = random_map(60, 9, seed=2)

    def weights_for(dy: Tensor) -> Tensor:
        conv.weight.grad = None
        pointwise.convolve(random_map(30, 9), conv, norm, relu=True).backward(dy)
        assert conv.weight.grad is not None
        return conv.weight.grad

    half = gradient[:, 30:]
    packed = half.contiguous(memory_format=torch.channels_last)
    assert half.stride() != packed.stride()
    assert torch.equal(weights_for(half), weights_for(packed))


def test_it_does_not_depend_on_the_threads() -> None:
    before = torch.get_num_threads()

    def run(threads: int) -> list[Tensor]:
        torch.set_num_threads(threads)
        conv, norm = random_layers(30, 60)
        x = random_map(30, 40).requires_grad_()
        y = pointwise.convolve(x, conv, norm, relu=True)
        y.backward(random_map(60, 40, seed=2))
        assert x.grad is not None
        assert conv.weight.grad is not None
        return [y, x.grad, conv.weight.grad]

    try:
        for one, three in zip(run(1), run(3), strict=True):
            assert torch.equal(one, three)
    finally:
        torch.set_num_threads(before)


def test_large_means_do_not_cancel() -> None:
    conv, norm = random_layers(32, 16)
    x = random_map(32, 32) + 100
    exact = F.batch_norm(
        F.conv2d(x.double(), conv.weight.double()),
        None,
        None,
        norm.weight.double(),
        norm.bias.double(),
        training=True,
    )
    assert error(pointwise.convolve(x, conv, norm), exact) < 2e-3


def test_layers_take_it_only_where_it_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    conv, norm = random_layers(30, 60)
    layers, x = Layers(conv, norm, nn.ReLU()), random_map(30, 9)
    with_unit = layers(x)
    monkeypatch.setattr(library, "matrix_unit", False)
    without = layers(x)
    assert not torch.equal(with_unit, without)
    torch.testing.assert_close(with_unit, without, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(
    "conv",
    [
        nn.Conv2d(16, 16, 1),
        nn.Conv2d(16, 16, 1, stride=2, bias=False),
        nn.Conv2d(16, 16, 1, groups=2, bias=False),
        nn.Conv2d(16, 16, 3, bias=False),
        nn.Conv2d(16, 16, 1, bias=False).double(),
        nn.Conv2d(16, 16, 1, bias=False).requires_grad_(False),
    ],
)
def test_other_convolutions_are_left_to_torch(conv: nn.Conv2d) -> None:
    assert not pointwise.serves(random_map(16, 4), conv, nn.BatchNorm2d(16))
