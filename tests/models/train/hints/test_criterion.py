"""Adapters: what they are off by, and that the optimizer leaves their scale alone."""

import pytest
import torch

from models.train.hints.criterion import HintCriterion, StudentMaps, fit
from models.train.hints.teacher_config import Hint

pytestmark = pytest.mark.torch

HINTS = (
    Hint(of="c5", tensor="a", channels=4),
    Hint(of="context", tensor="b", channels=3, weight=0.5),
)


def make_criterion() -> HintCriterion:
    torch.manual_seed(0)
    return HintCriterion(HINTS, {"c4": 2, "c5": 4, "context": 6})


def make_maps() -> StudentMaps:
    return {"c5": torch.rand(2, 4, 3, 3), "context": torch.rand(2, 6, 5, 5)}


def test_losses_are_squared_errors_by_hint() -> None:
    criterion = make_criterion()
    for parameter in criterion.parameters():
        torch.nn.init.zeros_(parameter)
    maps = make_maps()
    targets = [torch.randn(2, 4, 3, 3), torch.randn(2, 3, 5, 5)]
    losses = criterion(maps, targets)
    assert list(losses) == ["c5-a", "context-b"]
    assert losses["c5-a"].item() == pytest.approx(targets[0].square().mean().item())
    assert losses["context-b"].item() == pytest.approx(targets[1].square().mean().item() / 2)
    sums = criterion.sums(maps, targets)
    assert torch.equal(sums[:, 0], sums[:, 1])


def test_a_linear_image_is_met() -> None:
    criterion = make_criterion()
    maps = make_maps()
    targets = [made.detach() for made in criterion.predict(maps, [maps["c5"], maps["context"]])]
    assert sum(criterion(maps, targets).values()) < 1e-10
    assert criterion.sums(maps, targets)[:, 0].max() < 1e-10


def test_adapters_begin_as_the_regression_on_the_maps() -> None:
    wanted, criterion = make_criterion(), make_criterion()
    for parameter in criterion.parameters():
        torch.nn.init.normal_(parameter)
    looked = [make_maps() for _ in range(20)]
    cells = [torch.empty(2, 4, 3, 3), torch.empty(2, 3, 10, 10)]  # the second in other cells
    pairs = [(maps, [made.detach() for made in wanted.predict(maps, cells)]) for maps in looked]
    explained = criterion.fit_adapters(pairs)
    assert min(explained) > 0.99
    new = make_maps()
    expected = wanted.predict(new, cells)
    for sums in criterion.sums(new, [made.detach() for made in expected]).tolist():
        assert sums[0] < 0.01 * sums[1]


def test_the_teacher_may_have_other_cells() -> None:
    ramp = torch.arange(8.0).view(1, 1, 1, 8).expand(1, 1, 8, 8)
    for cells in (4, 8, 16):
        made = fit(ramp, torch.empty(1, 1, cells, cells))
        assert made.shape == (1, 1, cells, cells)
        assert made.mean() == pytest.approx(3.5, abs=0.01)
        assert (made.diff(dim=3) >= -1e-5).all()


def test_gradients_go_through_adapters_and_leave_them() -> None:
    criterion = make_criterion()
    maps = {name: each.requires_grad_() for name, each in make_maps().items()}
    targets = [torch.randn(2, 4, 3, 3), torch.randn(2, 3, 5, 5)]
    torch.stack(list(criterion(maps, targets).values())).sum().backward()
    assert all(parameter.grad is None for parameter in criterion.parameters())
    for each in maps.values():
        assert each.grad is not None
        assert each.grad.abs().max() > 0
