"""A backbone of ShuffleNetV2 units widened: the same maps in more channels.

Shapes: maps (W,) from the channels of a wide layer to those of its narrow one, as in channels.py.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.errors import ConfigError
from models.thundernet.backbones.snet import BasicUnit, DownUnit, SNet
from models.train.widening.channels import (
    SPARE,
    convolved,
    every_channel,
    pass_on,
    repeat_channels,
    repeat_outputs,
)

Share = Callable[[Tensor, Tensor], Tensor]  # `share_inputs` of weights and a map


class Repeats(NamedTuple):
    """Which channel of the narrow backbone's maps each of the wide one's repeats."""

    c4: Tensor
    c5: Tensor


def widen_backbone(narrow: SNet, wide: SNet, share: Share) -> Repeats:
    """Fills `wide` with the weights of `narrow`.

    Raises:
        ConfigError: other layers, or a stage too little wider to hold the narrow one.
    """
    if kinds_of_layers(narrow) != kinds_of_layers(wide):
        raise ConfigError("expected backbones of the same layers, got others")
    stem = every_channel(count_outputs(narrow.conv1), count_outputs(wide.conv1))
    widen_layers(narrow.conv1, wide.conv1, every_channel(3, 3), stem, share)
    c3 = widen_stage(narrow.stage2, wide.stage2, stem, share)
    c4 = widen_stage(narrow.stage3, wide.stage3, c3, share)
    c5 = widen_stage(narrow.stage4, wide.stage4, c4, share)
    if isinstance(narrow.conv5, nn.Sequential) and isinstance(wide.conv5, nn.Sequential):
        stage4, c5 = c5, every_channel(narrow.c5_channels, wide.c5_channels)
        widen_layers(narrow.conv5, wide.conv5, stage4, c5, share)
    return Repeats(c4, c5)


def kinds_of_layers(backbone: SNet) -> list[tuple[str, object]]:
    return [(type(x).__name__, getattr(x, "kernel_size", None)) for x in backbone.modules()]


def count_outputs(layers: nn.Sequential) -> int:
    return [x.out_channels for x in layers if isinstance(x, nn.Conv2d)][-1]


def widen_stage(narrow: nn.Sequential, wide: nn.Sequential, inputs: Tensor, share: Share) -> Tensor:
    """The map of the stage's output, given that of its input."""
    repeats = inputs
    for number, (narrow_unit, wide_unit) in enumerate(zip(narrow, wide, strict=True), 1):
        units_after = len(narrow) - number
        if isinstance(narrow_unit, DownUnit):
            assert isinstance(wide_unit, DownUnit)
            repeats = widen_down_unit(narrow_unit, wide_unit, repeats, units_after, share)
        else:
            assert isinstance(narrow_unit, BasicUnit)
            assert isinstance(wide_unit, BasicUnit)
            repeats = widen_basic_unit(narrow_unit, wide_unit, repeats, units_after, share)
    return repeats


def widen_down_unit(
    narrow: DownUnit, wide: DownUnit, inputs: Tensor, units_after: int, share: Share
) -> Tensor:
    left = widen_branch(narrow.left, wide.left, inputs, (0, 0), units_after, share)
    first = count_outputs(narrow.left), count_outputs(wide.left)
    right = widen_branch(narrow.right, wide.right, inputs, first, units_after, share)
    return torch.cat((left, right))


def widen_basic_unit(
    narrow: BasicUnit, wide: BasicUnit, inputs: Tensor, units_after: int, share: Share
) -> Tensor:
    first = count_outputs(narrow.branch), count_outputs(wide.branch)  # as many pass by
    odd = convolved(inputs)
    right = widen_branch(narrow.branch, wide.branch, odd, first, units_after, share)
    return torch.cat((pass_on(inputs), right))


def widen_branch(
    narrow: nn.Sequential,
    wide: nn.Sequential,
    inputs: Tensor,
    first: tuple[int, int],
    units_after: int,
    share: Share,
) -> Tensor:
    """The map of what the branch computes, channels `first` and up of the two units' outputs."""
    narrow_outputs = range(first[0], first[0] + count_outputs(narrow))
    wide_outputs = range(first[1], first[1] + count_outputs(wide))
    repeats = repeat_channels(narrow_outputs, wide_outputs, units_after)
    of_branch = torch.where(repeats == SPARE, SPARE, repeats - first[0])
    widen_layers(narrow, wide, inputs, of_branch, share)
    return repeats


@torch.no_grad()
def widen_layers(
    narrow: nn.Sequential, wide: nn.Sequential, inputs: Tensor, outputs: Tensor, share: Share
) -> None:
    """Fills a chain of layers whose last full convolution has the map `outputs`."""
    full = [x for x in narrow if isinstance(x, nn.Conv2d) and x.groups == 1]
    repeats = inputs
    for old, new in zip(narrow, wide, strict=True):
        if isinstance(old, nn.Conv2d) and isinstance(new, nn.Conv2d):
            read = repeats
            if old in full:  # a depthwise convolution writes the channel that it reads
                free = every_channel(old.out_channels, new.out_channels)
                repeats = outputs if old is full[-1] else free
            weight = repeat_outputs(old.weight, repeats)
            new.weight.copy_(share(weight, read) if old in full else weight)
        elif isinstance(old, nn.BatchNorm2d):
            state = old.state_dict()
            seen = {"num_batches_tracked": state.pop("num_batches_tracked")}
            widened = {name: repeat_outputs(value, repeats) for name, value in state.items()}
            new.load_state_dict(widened | seen)
