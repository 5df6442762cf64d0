"""The kernels in the network that they were written for."""

import copy

import pytest
import torch
from torch import Tensor, nn

from models.thundernet.config import ThunderNetConfig
from models.thundernet.layers import Layers
from models.thundernet.native.library import library
from models.thundernet.thundernet import ThunderNet
from models.train.state import place
from tests.models.thundernet.native.maps import random_map

pytestmark = pytest.mark.torch


def gradient_of_network(model: ThunderNet, images: Tensor) -> Tensor:
    """All gradients of an objective that reaches backbone, context, RPN and attention."""
    twin = copy.deepcopy(model).to(images.dtype)
    dense = twin(images)
    (dense.features.square().mean() + dense.objectness_logits.square().mean()).backward()
    found = [p.grad.flatten() for p in twin.parameters() if p.grad is not None]
    return torch.cat(found).double()


def test_network_with_kernels_is_as_near_to_the_truth_as_without() -> None:
    torch.manual_seed(0)
    model = place(ThunderNet(ThunderNetConfig()), torch.device("cpu"))
    images = random_map(3, 96)
    truth = gradient_of_network(model, images.double())
    ours = gradient_of_network(model, images)
    with library.disabled():
        theirs = gradient_of_network(model, images)
    # Small batches amplify rounding: what counts is not to be worse than torch in single precision.
    error, usual = (ours - truth).norm(), (theirs - truth).norm()
    assert error <= 2 * usual
    assert error <= 0.05 * truth.norm()


def test_layers_keep_names_and_outputs_in_evaluation() -> None:
    plain = nn.Sequential(nn.Conv2d(4, 16, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
    layers = Layers(*copy.deepcopy(plain))
    assert layers.state_dict().keys() == plain.state_dict().keys()
    x = random_map(4, 5)
    assert torch.equal(layers.eval()(x), plain.eval()(x))
