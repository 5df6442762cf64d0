import copy

import pytest
import torch
from torch import Tensor, nn

from models.thundernet.backbones import snet
from models.thundernet.layers import Layers
from models.thundernet.native import stem
from models.thundernet.native.library import library
from tests.models.thundernet.native.maps import random_map

pytestmark = pytest.mark.torch

POOL = nn.MaxPool2d(3, 2, 1)


def random_stem(channels: int) -> Layers:
    torch.manual_seed(0)
    layers = Layers(*snet.stem(channels))
    norm = layers[1]
    assert isinstance(norm, nn.BatchNorm2d)
    norm.weight.data.uniform_(-1.5, 2)  # negative scales, too: the largest is the smallest then
    norm.bias.data.normal_()
    return layers


def gradients(layers: Layers, output: Tensor, gradient: Tensor) -> list[Tensor]:
    output.backward(gradient.to(output.dtype))
    return [p.grad.double() for p in layers.parameters() if p.grad is not None]


# Sides whose halves are even and odd; one row of full vectors and a rest; the network's own.
@pytest.mark.parametrize(
    ("channels", "height", "width"), [(24, 32, 32), (8, 13, 21), (48, 9, 6), (16, 2, 50), (8, 1, 1)]
)
def test_stem_is_that_of_double_precision(channels: int, height: int, width: int) -> None:
    layers = random_stem(channels)
    exact = copy.deepcopy(layers).double()
    images = random_map(3, max(height, width))[:, :, :height, :width]
    images = images.contiguous(memory_format=torch.channels_last)
    assert stem.serves(images, layers, POOL)
    y, expected = stem.stem(images, layers), POOL(exact(images.double()))
    assert y.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(y.double(), expected, atol=2e-5, rtol=1e-5)
    gradient = torch.randn(y.shape, generator=torch.Generator().manual_seed(2))
    ours, theirs = gradients(layers, y, gradient), gradients(exact, expected, gradient)
    for got, wanted in zip(ours, theirs, strict=True):
        torch.testing.assert_close(got, wanted, atol=1e-4 * wanted.abs().max().item(), rtol=1e-4)
    for mine, its in zip(layers.buffers(), exact.buffers(), strict=True):
        torch.testing.assert_close(mine.double(), its.double(), atol=1e-5, rtol=1e-5)


def test_filters_of_edges_keep_their_variance() -> None:
    """Neighbours differ little in a smooth image: hardly any of its variance is left."""
    layers = random_stem(8)
    conv = layers[0]
    assert isinstance(conv, nn.Conv2d)
    conv.weight.data.zero_()
    conv.weight.data[:, :, 1, 1] = 1
    conv.weight.data[:, :, 1, 2] = -1
    exact = copy.deepcopy(layers).double()
    ramp = torch.linspace(0, 100, 64)
    images = (ramp[:, None] + ramp).expand(2, 3, 64, 64) + random_map(3, 64, images=2) / 100
    images = images.contiguous(memory_format=torch.channels_last)
    y, expected = stem.stem(images, layers), POOL(exact(images.double()))
    torch.testing.assert_close(y.double(), expected, atol=5e-3, rtol=0)
    torch.testing.assert_close(
        layers[1].running_var.double(), exact[1].running_var, rtol=1e-6, atol=0
    )


def test_stem_does_not_depend_on_the_threads() -> None:
    images, before = random_map(3, 40), torch.get_num_threads()

    def run(threads: int) -> tuple[Tensor, list[Tensor]]:
        torch.set_num_threads(threads)
        layers = random_stem(24)
        y = stem.stem(images, layers)
        return y.detach(), gradients(layers, y, y.detach())

    try:
        (one, of_one), (three, of_three) = run(1), run(3)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(one, three)
    assert all(torch.equal(a, b) for a, b in zip(of_one, of_three, strict=True))


def test_what_is_no_number_is_not_hidden() -> None:
    images, layers = random_map(3, 16), random_stem(8)
    images[0, 0, 5, 5] = torch.nan
    assert stem.stem(images, layers).isnan().any()


def test_backbone_takes_the_stem_in_training_alone() -> None:
    torch.manual_seed(0)
    backbone, images = snet.SNet("snet49"), random_map(3, 64)
    assert stem.serves(images, backbone.conv1, backbone.maxpool)
    with_kernels = backbone(images).c4.grad_fn
    assert not stem.serves(images.requires_grad_(), backbone.conv1, backbone.maxpool)
    assert not stem.serves(images.detach(), backbone.eval().conv1, backbone.maxpool)
    seen = set()
    waiting = [with_kernels]
    while waiting:  # through the graph of what was computed
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            waiting += [parent for parent, _ in node.next_functions]
    assert {"StemBackward"} <= {node.name() for node in seen}


@pytest.mark.parametrize(
    "conv",
    [
        nn.Conv2d(3, 8, 3, 2, 1),
        nn.Conv2d(3, 12, 3, 2, 1, bias=False),
        nn.Conv2d(3, 8, 3, 1, 1, bias=False),
        nn.Conv2d(3, 8, 5, 2, 2, bias=False),
    ],
)
def test_other_stems_are_left_to_torch(conv: nn.Conv2d) -> None:
    layers = Layers(conv, nn.BatchNorm2d(conv.out_channels), nn.ReLU())
    assert not stem.serves(random_map(3, 16), layers, POOL)


def test_other_pools_are_left_to_torch() -> None:
    images = random_map(3, 16)
    assert not stem.serves(images, random_stem(8), nn.MaxPool2d(2, 2))
    with library.disabled():
        assert not stem.serves(images, random_stem(8), POOL)
