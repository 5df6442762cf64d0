"""A detector widened: its backbone, and how CEM reads it. What follows CEM has the same width."""

from functools import partial

import msgspec
import torch
from torch import nn

from models.errors import ConfigError
from models.thundernet.backbones.plan import Backbone
from models.thundernet.backbones.snet import SNet
from models.thundernet.cem import ContextEnhancementModule
from models.thundernet.thundernet import ThunderNet
from models.train.widening.backbone import widen_backbone
from models.train.widening.channels import share_inputs

SPREAD = 0.5  # of the shares of repeats, see `share_inputs`


@torch.no_grad()
def widen(narrow: ThunderNet, backbone: Backbone, seed: int = 0) -> ThunderNet:
    """A network of another, wider `backbone` with the outputs of `narrow`.

    Raises:
        ConfigError: `backbone` has other layers, or is too little wider.
    """
    wide = ThunderNet(msgspec.structs.replace(narrow.config, backbone=backbone))
    if not isinstance(narrow.backbone, SNet) or not isinstance(wide.backbone, SNet):
        raise ConfigError("expected backbones of ShuffleNetV2 units, got another")
    generator = torch.Generator().manual_seed(seed)
    share = partial(share_inputs, spread=SPREAD, generator=generator)
    repeats = widen_backbone(narrow.backbone, wide.backbone, share)
    for (name, old), new in zip(narrow.named_children(), wide.children(), strict=True):
        if name not in ("backbone", "context"):
            new.load_state_dict(old.state_dict())
    level_repeats = {"c4": repeats.c4, "c5": repeats.c5, "global": repeats.c5}
    of_narrow, of_wide = projections(narrow), projections(wide)
    for level, layer in of_narrow.items():
        shared = share(layer.weight, level_repeats[level])
        of_wide[level].load_state_dict({"weight": shared, "bias": layer.bias})
    return wide.eval()


def projections(model: ThunderNet) -> dict[str, nn.Conv2d]:
    """The 1x1 convolutions of CEM, by level.

    Raises:
        ConfigError: the network has no CEM.
    """
    if not isinstance(model.context, ContextEnhancementModule):
        raise ConfigError("expected context_enhancement true, got false")
    layers = model.context.project.items()
    return {level: layer for level, layer in layers if isinstance(layer, nn.Conv2d)}
