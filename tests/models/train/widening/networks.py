"""Small networks whose batch norms have seen something."""

from typing import Any

import torch

from models.thundernet.backbones.plan import SNetPlan
from models.thundernet.config import ThunderNetConfig
from models.thundernet.thundernet import ThunderNet

SIZE = 64
NARROW = SNetPlan(stem=8, stages=(12, 24, 48))
WIDE = SNetPlan(stem=8, stages=(28, 60, 130))


def draw_images(count: int = 4, seed: int = 1) -> torch.Tensor:
    """BGR (N, 3, S, S) with values 0 to 255, and structure at several scales."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, SIZE // 16, SIZE // 16, generator=generator)
    fine = torch.rand(count, 3, SIZE, SIZE, generator=generator)
    mixed = torch.nn.functional.interpolate(coarse, SIZE, mode="bicubic") + fine / 4
    return mixed.clamp(0, 1) * 255


def make_network(backbone: SNetPlan = NARROW, **changes: Any) -> ThunderNet:
    """As after training: no two channels have the same scale, shift or statistics."""
    torch.manual_seed(0)
    model = ThunderNet(ThunderNetConfig(backbone=backbone, input_size=SIZE, **changes))
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, std=0.3)
            module.momentum = 1.0  # statistics are those of the images below
    model.train()(model.normalize(draw_images(16)))
    return model.eval()
