"""Networks whose every weight matters: what initialisation leaves at 0 or 1 is drawn at random."""

from typing import Any

import msgspec
import torch
from torch import nn

from models.thundernet.config import ThunderNetConfig
from models.thundernet.thundernet import ThunderNet


def make_network(seed: int = 0, **fields: Any) -> ThunderNet:
    """A ThunderNet in evaluation mode; `fields` change its configuration."""
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    model = ThunderNet(msgspec.convert(fields, ThunderNetConfig))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.weight.data.uniform_(0.8, 1.4, generator=generator)
            module.bias.data.normal_(0, 0.2, generator=generator)
            module.running_mean.normal_(0, 0.3, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
    heads: tuple[tuple[nn.Conv2d | nn.Linear, float], ...] = (
        (model.rpn.objectness, 0.03),
        (model.rpn.box, 0.03),
        (model.roi_head.classify, 1.0),
        (model.roi_head.box, 0.1),
    )
    for layer, spread in heads:
        assert layer.bias is not None
        layer.weight.data.normal_(0, spread, generator=generator)
        layer.bias.data.normal_(0, spread, generator=generator)
    return model.eval()
