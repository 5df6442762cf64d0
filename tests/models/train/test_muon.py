"""Muon against a singular value decomposition, and which weights it moves."""

import copy

import pytest
import torch
from torch import Tensor, nn

from models.thundernet.config import ThunderNetConfig
from models.thundernet.criterion import Criterion, CriterionConfig
from models.thundernet.thundernet import ThunderNet
from models.train.muon import ADAMW_RMS, MOMENTUM, Muon, matrices_in, orthogonalise
from models.train.optimizer import make_optimizer
from models.train.recipe import OptimizerConfig

pytestmark = pytest.mark.torch

OUTPUT_LAYERS = ("rpn.objectness", "rpn.box", "roi_head.classify", "roi_head.box", "context_head")
CONFIG = OptimizerConfig(name="muon", lr=0.01, weight_decay=0.1)


class Network(nn.Sequential):
    """A dense, a depthwise and a pointwise convolution with batch norm, and an output layer."""

    OUTPUTS = ("6",)

    def __init__(self) -> None:
        torch.manual_seed(0)
        super().__init__(
            nn.Conv2d(3, 16, 3, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.Conv2d(16, 16, 3, padding=1, groups=16, bias=False),
            nn.BatchNorm2d(16),
            nn.Conv2d(16, 24, 1, bias=False),
            nn.BatchNorm2d(24),
            nn.Conv2d(24, 2, 1),
        )


def add_gradients(module: nn.Module) -> None:
    for number, parameter in enumerate(module.parameters()):
        generator = torch.Generator().manual_seed(number)
        parameter.grad = torch.randn(parameter.shape, generator=generator)


@pytest.mark.parametrize("shape", [(30, 30), (24, 27), (245, 120), (256, 245)])
def test_singular_values_become_about_one_and_vectors_stay(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    inside = u.mT @ orthogonalise(matrix[None])[0] @ v.mT
    values = inside.diagonal()
    assert values.min() > 0.3  # of the smallest, for which five iterations are few
    assert values.quantile(0.1) > 0.65
    assert values.max() < 1.25
    torch.testing.assert_close(inside, torch.diag(values), rtol=0, atol=1e-9)


def test_a_gradient_of_zeros_moves_nothing() -> None:
    assert orthogonalise(torch.zeros(2, 5, 7)).eq(0).all()


def test_matrices_are_taken_but_not_of_outputs() -> None:
    model = Network()
    assert [id(p) for p in matrices_in([model])] == [id(model[0].weight), id(model[4].weight)]


def test_all_outputs_of_the_detector_are_left_to_adamw() -> None:
    model = ThunderNet(ThunderNetConfig())
    criterion = Criterion(model, CriterionConfig(context_weight=1.0))
    taken = {id(parameter) for parameter in matrices_in([model, criterion])}
    weights = {**dict(model.named_parameters()), **dict(criterion.named_parameters())}
    left = {name for name, p in weights.items() if p.dim() > 1 and id(p) not in taken}
    outputs = {f"{name}.weight" for name in OUTPUT_LAYERS}
    assert outputs <= left
    assert all(weights[name].shape[1] == 1 for name in left - outputs), "depthwise"
    assert len(taken) > 40


def expected_step(weight: Tensor, gradients: list[Tensor]) -> Tensor:
    """By the definition, one matrix at a time."""
    average = torch.zeros_like(weight)
    for gradient in gradients:
        average = MOMENTUM * average + (1 - MOMENTUM) * gradient
        ahead = MOMENTUM * average + (1 - MOMENTUM) * gradient
        step = orthogonalise(ahead.flatten(1)[None])[0].view(weight.shape)
        rate = CONFIG.lr * ADAMW_RMS * max(len(weight), weight[0].numel()) ** 0.5
        weight = weight * (1 - CONFIG.lr * CONFIG.weight_decay) - rate * step
    return weight


def first_weight(model: nn.Sequential) -> Tensor:
    layer = model[0]
    assert isinstance(layer.weight, Tensor)
    return layer.weight


def test_matrices_step_by_the_definition_and_the_rest_by_adamw() -> None:
    model = Network()
    other = copy.deepcopy(model)
    start = first_weight(model).detach().clone()
    muon = make_optimizer(CONFIG, [model])
    adamw = make_optimizer(OptimizerConfig(name="adamw", lr=0.01, weight_decay=0.1), [other])
    gradients = []
    for _ in range(3):
        add_gradients(model)
        add_gradients(other)
        gradient = first_weight(model).grad
        assert gradient is not None
        gradients.append(gradient.clone())
        muon.step()
        adamw.step()
    torch.testing.assert_close(first_weight(model).detach(), expected_step(start, gradients))
    taken = {id(parameter) for parameter in matrices_in([model])}
    for mine, its in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, its) == (id(mine) not in taken)


def test_entries_move_about_as_far_as_adamw_moves_them() -> None:
    layer = nn.Conv2d(96, 64, 1, bias=False)
    before = layer.weight.detach().clone()
    optimizer = Muon([{"params": [layer.weight], "orthogonal": True}], lr=0.01, weight_decay=0.0)
    add_gradients(layer)
    optimizer.step()
    moved = (layer.weight.detach() - before).square().mean().sqrt()
    assert 0.1 * 0.01 < moved < 0.3 * 0.01


def test_a_resumed_optimizer_goes_on_with_the_same_bits() -> None:
    whole, resumed = Network(), Network()
    first, second = make_optimizer(CONFIG, [whole]), make_optimizer(CONFIG, [resumed])
    for model, optimizer in ((whole, first), (resumed, second)):
        add_gradients(model)
        optimizer.step()
    third = make_optimizer(CONFIG, [resumed])
    third.load_state_dict(copy.deepcopy(second.state_dict()))
    for model, optimizer in ((whole, first), (resumed, third)):
        add_gradients(model)
        optimizer.step()
    for mine, its in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(mine, its)
