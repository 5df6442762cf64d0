"""Batch norm over processes: the plain one's values on the joined batch, in both directions."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from models.thundernet.backbones.snet import SNet
from models.thundernet.batch_norm import CrossProcessBatchNorm, join_batch_norm, widen
from tests.models.two_processes import call_in_two

pytestmark = pytest.mark.torch

CHANNELS, STEPS = 3, 2
PARTS = (slice(0, 3), slice(3, 8))  # of eight images: not the same number in both processes


def make_maps() -> Tensor:
    """Images whose mean is large beside their spread, and differs between the processes."""
    generator = torch.Generator().manual_seed(4)
    maps = torch.randn(8, CHANNELS, 5, 4, generator=generator, dtype=torch.float64)
    return maps + 50 + torch.arange(8.0)[:, None, None, None]


def make_layer() -> nn.Sequential:
    """A layer whose weights are not those that it starts with, in the middle of a network."""
    layer = nn.BatchNorm2d(CHANNELS).double()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([0.5, -2.0, 1.0]))
        layer.bias.copy_(torch.tensor([1.0, 0.0, -1.0]))
    return nn.Sequential(layer)


def run_layer(layer: nn.Sequential, maps: Tensor, part: slice) -> dict[str, Tensor]:
    """Two passes over `part`, each with a gradient that differs from value to value."""
    maps = maps[part].requires_grad_()
    for _ in range(STEPS):
        normalised = layer(maps)
        wanted = torch.arange(8.0).double()[part, None, None, None]
        loss = (normalised.sin() * wanted).sum()
        loss.backward()
    gradients = {f"grad.{name}": value.grad for name, value in layer.named_parameters()}
    return {"out": normalised.detach(), "maps.grad": maps.grad, **gradients, **layer.state_dict()}


def run_share(rank: int, folder: Path) -> dict[str, Tensor]:
    layer = make_layer()
    join_batch_norm(layer)
    return run_layer(layer, make_maps(), PARTS[rank])


def test_two_processes_equal_one_with_the_joined_batch(tmp_path: Path) -> None:
    whole = run_layer(make_layer(), make_maps(), slice(None))
    parts = call_in_two(run_share, tmp_path)
    for name in ("out", "maps.grad"):
        joined = torch.cat([part[name] for part in parts])
        torch.testing.assert_close(joined, whole[name], rtol=1e-9, atol=1e-9)
    for name in ("0.weight", "0.bias"):  # these are summed by data parallelism
        joined = torch.stack([part[f"grad.{name}"] for part in parts]).sum(dim=0)
        torch.testing.assert_close(joined, whole[f"grad.{name}"], rtol=1e-9, atol=1e-9)
    for name in ("0.running_mean", "0.running_var", "0.num_batches_tracked"):
        for part in parts:
            torch.testing.assert_close(part[name], whole[name], rtol=1e-9, atol=1e-9)


def test_alone_and_in_evaluation_it_is_the_plain_layer() -> None:
    maps = make_maps()
    plain, joined = make_layer(), make_layer()
    join_batch_norm(joined)
    assert isinstance(joined[0], CrossProcessBatchNorm)
    assert torch.equal(joined(maps), plain(maps))
    assert torch.equal(joined.eval()(maps), plain.eval()(maps))


def test_joining_keeps_weights_names_and_mode() -> None:
    model = SNet("snet49").eval()
    before = {name: value.data_ptr() for name, value in model.state_dict().items()}
    join_batch_norm(model)
    layers = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    assert layers
    assert all(isinstance(layer, CrossProcessBatchNorm) for layer in layers)
    assert not any(layer.training for layer in layers)
    assert {name: value.data_ptr() for name, value in model.state_dict().items()} == before


def test_statistics_of_half_precision_maps_are_wide() -> None:
    assert widen(torch.zeros(1, dtype=torch.bfloat16)).dtype == torch.float32
    assert widen(torch.zeros(1, dtype=torch.float64)).dtype == torch.float64
