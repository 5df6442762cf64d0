"""SNet49's last convolution taken out: CEM reads the last stage itself, fitted to the same map.

SNet146 and SNet535 have no conv5, so a network with it has none to be widened to. What CEM makes of
conv5, a 1x1 convolution of C5 and one of its global average, is fitted by least squares as the same
two of the last stage's output. The ReLU of conv5 is lost, so this costs accuracy, which training
has to win back.

Shapes: N images, B channels of the last stage, h x w cells of C5, D = alpha*p*p.
"""

from collections.abc import Iterable

import msgspec
import torch
from torch import Tensor

from models.errors import ConfigError
from models.thundernet.backbones.plan import PLANS, Plan, SNetPlan
from models.thundernet.config import ThunderNetConfig
from models.thundernet.thundernet import ThunderNet
from models.train.widening.network import projections

RIDGE = 0.01  # of a regressor's variance, on average: the last stage's channels depend on each other


class LeastSquares:
    """Ridge regression of D values on F features by their moments, one batch at a time."""

    def __init__(self) -> None:
        self.count = 0
        self.sums = torch.zeros(())  # (F + D,)
        self.products = torch.zeros(())  # (F + D, F + D)

    def add(self, features: Tensor, values: Tensor) -> None:
        """Rows (R, F) and (R, D)."""
        rows = torch.cat((features, values), dim=1).double()
        self.count += len(rows)
        self.sums = self.sums + rows.sum(dim=0)
        self.products = self.products + rows.T @ rows

    def solve(self, features: int) -> tuple[Tensor, Tensor, float]:
        """Weights (D, F), biases (D,), and the part of the values' variance that they explain."""
        mean = self.sums / self.count
        covariance = self.products / self.count - mean.outer(mean)
        inner, outer = covariance[:features, :features], covariance[:features, features:]
        ridge = RIDGE * inner.diagonal().mean() * torch.eye(features, dtype=torch.double)
        weights = torch.linalg.solve(inner + ridge, outer)  # (F, D)
        missed = covariance[features:, features:] - 2 * outer.T @ weights
        missed = missed + weights.T @ inner @ weights
        explained = 1 - missed.trace() / covariance[features:, features:].trace()
        biases = mean[features:] - mean[:features] @ weights
        return weights.T.float(), biases.float(), explained.item()


def plan_of(config: ThunderNetConfig) -> Plan:
    return PLANS[config.backbone] if isinstance(config.backbone, str) else config.backbone


def has_conv5(config: ThunderNetConfig) -> bool:
    plan = plan_of(config)
    return isinstance(plan, SNetPlan) and plan.conv5 is not None


@torch.no_grad()
def take_out_conv5(model: ThunderNet, batches: Iterable[Tensor]) -> tuple[ThunderNet, float]:
    """The network without conv5, and how much of the variance of what CEM made of it is kept.

    Args:
        batches: BGR images (N, 3, S, S) with values 0 to 255.

    Raises:
        ConfigError: CEM does not read C5, or there is none.
    """
    project = projections(model)
    levels = [level for level in project if level != "c4"]
    if not levels:
        raise ConfigError("widening: expected context_levels with c5 or global, got c4 alone")
    shorter = copy_without_conv5(model)
    fit = LeastSquares()
    for images in batches:
        stage4 = shorter.backbone(model.normalize(images.float())).c5  # (N, B, h, w)
        c5 = model.backbone.get_submodule("conv5")(stage4)
        target = sum(project[level](read_level(c5, level)) for level in levels)
        features = torch.cat([read_level(stage4, level) for level in levels], dim=1)
        fit.add(to_rows(features), to_rows(target))
    channels = shorter.backbone.c5_channels
    weights, biases, kept = fit.solve(channels * len(levels))
    for number, level in enumerate(levels):
        layer = projections(shorter)[level]
        layer.weight.copy_(weights[:, number * channels :][:, :channels, None, None])
        layer.bias.copy_(torch.zeros_like(biases) if number else biases)
    return shorter.eval(), kept


def copy_without_conv5(model: ThunderNet) -> ThunderNet:
    """With fresh projections of C5."""
    plan = plan_of(model.config)
    assert isinstance(plan, SNetPlan)
    backbone = msgspec.structs.replace(plan, conv5=None)
    shorter = ThunderNet(msgspec.structs.replace(model.config, backbone=backbone)).eval()
    fitting = {
        name: value
        for name, value in model.state_dict().items()
        if not name.startswith(("backbone.conv5.", "context.project.c5.", "context.project.global."))
    }
    shorter.load_state_dict(fitting, strict=False)
    return shorter


def read_level(c5: Tensor, level: str) -> Tensor:
    """What CEM projects of C5, (N, C, h, w) either way."""
    return c5 if level == "c5" else c5.mean(dim=(2, 3), keepdim=True).expand_as(c5)


def to_rows(maps: Tensor) -> Tensor:
    """(N, C, h, w) -> (N * h * w, C)."""
    return maps.permute(0, 2, 3, 1).flatten(0, 2)
