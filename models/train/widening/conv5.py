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
from models.train.least_squares import LeastSquares, to_rows
from models.train.widening.network import projections


def plan_of(config: ThunderNetConfig) -> Plan:
    return PLANS[config.backbone] if isinstance(config.backbone, str) else config.backbone


def has_conv5(config: ThunderNetConfig) -> bool:
    plan = plan_of(config)
    return isinstance(plan, SNetPlan) and plan.conv5 is not None


@torch.no_grad()
def take_out_conv5(model: ThunderNet, batches: Iterable[Tensor]) -> tuple[ThunderNet, float]:
    """The network without conv5, and the part of what CEM made of it that its fit explains.

    Args:
        batches: BGR images (N, 3, S, S) with values 0 to 255.

    Raises:
        ConfigError: CEM does not read C5, or there is none.
    """
    readers = {level: layer for level, layer in projections(model).items() if level != "c4"}
    if not readers:
        raise ConfigError("expected context_levels with c5 or global, got c4 alone")
    conv5 = model.backbone.get_submodule("conv5")
    shorter = copy_without_conv5(model)
    fit = LeastSquares()
    for images in batches:
        stage4 = shorter.backbone(model.normalize(images.float())).c5  # (N, B, h, w)
        c5 = conv5(stage4)
        values = [layer(read_level(c5, level)) for level, layer in readers.items()]
        features = torch.cat([read_level(stage4, level) for level in readers], dim=1)
        fit.add(to_rows(features), to_rows(torch.stack(values).sum(dim=0)))
    weights, biases, explained = fit.solve(features=len(readers) * shorter.backbone.c5_channels)
    for level, weight in zip(readers, weights.chunk(len(readers), dim=1), strict=True):
        state = {"weight": weight[:, :, None, None], "bias": biases / len(readers)}
        projections(shorter)[level].load_state_dict(state)
    return shorter, explained


def copy_without_conv5(model: ThunderNet) -> ThunderNet:
    """With fresh projections of C5."""
    plan = plan_of(model.config)
    assert isinstance(plan, SNetPlan)
    backbone = msgspec.structs.replace(plan, conv5=None)
    shorter = ThunderNet(msgspec.structs.replace(model.config, backbone=backbone))
    left_out = ("backbone.conv5.", "context.project.c5.", "context.project.global.")
    weights = model.state_dict().items()
    kept = {name: value for name, value in weights if not name.startswith(left_out)}
    shorter.load_state_dict(shorter.state_dict() | kept)
    return shorter.eval()


def read_level(c5: Tensor, level: str) -> Tensor:
    """What CEM projects of C5 at every cell, (N, C, h, w) like C5."""
    return c5 if level == "c5" else c5.mean(dim=(2, 3), keepdim=True).expand_as(c5)
