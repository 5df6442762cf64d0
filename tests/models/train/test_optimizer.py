from typing import Literal

import pytest
import torch
from torch import nn

from models.train.optimizer import EMA_RAMP, MovingAverage, make_optimizer, parameter_groups
from models.train.recipe import OptimizerConfig

pytestmark = pytest.mark.torch


class SmallModel(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        self.norm = nn.BatchNorm2d(4)


def test_decay_spares_biases_and_batch_norm() -> None:
    decayed, others = parameter_groups([SmallModel()], 0.05)
    assert [p.dim() for p in decayed["params"]] == [4]
    assert [p.dim() for p in others["params"]] == [1, 1, 1]
    assert (decayed["weight_decay"], others["weight_decay"]) == (0.05, 0.0)


@pytest.mark.parametrize("name", ["adamw", "muon", "sgd"])
def test_optimizers_move_weights_downhill(name: Literal["adamw", "muon", "sgd"]) -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 2.0)
    optimizer = make_optimizer(OptimizerConfig(name=name, lr=0.1, weight_decay=0.0), [model])
    model(torch.ones(1, 1)).sum().backward()
    optimizer.step()
    assert model.weight.item() < 2.0


def test_average_follows_weights_and_statistics() -> None:
    model = SmallModel()
    average = MovingAverage(model, decay=0.9)
    before = average.state["conv.weight"].clone()
    with torch.no_grad():
        model.conv.weight += 1
        assert model.norm.running_mean is not None
        model.norm.running_mean += 2
    assert model.norm.num_batches_tracked is not None
    model.norm.num_batches_tracked += 7
    iteration = 10_000  # past the ramp
    average.update(model, iteration)
    torch.testing.assert_close(average.state["conv.weight"], before + 0.1)
    torch.testing.assert_close(average.state["norm.running_mean"], torch.full((4,), 0.2))
    assert average.state["norm.num_batches_tracked"] == 7


def test_average_forgets_the_start_quickly() -> None:
    model = SmallModel()
    average = MovingAverage(model, decay=0.999)
    with torch.no_grad():
        model.conv.weight.fill_(5.0)
    before = average.state["conv.weight"].clone()
    average.update(model, 0)
    expected = torch.lerp(before, torch.full_like(before, 5.0), 1 - 1 / EMA_RAMP)
    torch.testing.assert_close(average.state["conv.weight"], expected)
