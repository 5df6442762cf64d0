"""Which channel of a narrow network each channel of a wide one repeats, and what reads them.

Net2WiderNet (Chen et al., ICLR 2016): a wide layer repeats channels, and whatever reads them shares
its weights among the repeats, so the function stays the same.

A stride-1 unit of ShuffleNetV2 passes its even channels on and convolves the odd ones, so a channel
is worth repeating only where the same unit of both networks reads it. A place in the wide network
for which the narrow one has no such channel stays spare: it is computed, and read with weights of
zero, from which training may raise them.

Shapes: B channels in the narrow network, W in the wide one; a map (W,) has values 0 to B-1, SPARE.
"""

from collections import defaultdict

import torch
from torch import Tensor

from models.errors import ConfigError

SPARE = -1


def passes(channel: int, units: int) -> int:
    """How many of the next `units` stride-1 units pass a channel on before one convolves it."""
    return min((channel & -channel).bit_length() - 1, units) if channel else units


def repeat_channels(narrow: range, wide: range, units: int) -> Tensor:
    """The channel of `narrow` that each of `wide` repeats, (len(wide),), with `units` to follow.

    Raises:
        ConfigError: some channel would be repeated nowhere.
    """
    alike: dict[int, list[int]] = defaultdict(list)
    for channel in narrow:
        alike[passes(channel, units)].append(channel)
    taken: dict[int, int] = defaultdict(int)
    repeats = []
    for channel in wide:
        key = passes(channel, units)
        choices = alike.get(key, [SPARE])
        repeats.append(choices[taken[key] % len(choices)])
        taken[key] += 1
    lost = set(narrow) - set(repeats)
    if lost:
        raise ConfigError(
            f"widening {len(narrow)} channels to {len(wide)}: expected a place for each, "
            f"got none for {len(lost)}"
        )
    return torch.tensor(repeats)


def every_channel(narrow: int, wide: int) -> Tensor:
    """The map of a layer that nothing shuffles, (wide,).

    Raises:
        ConfigError: `wide` is less than `narrow`.
    """
    if wide < narrow:
        raise ConfigError(f"widening {narrow} channels: expected at least as many, got {wide}")
    return torch.arange(wide) % narrow


def pass_on(repeats: Tensor) -> Tensor:
    """The map of the even channels in the place that a stride-1 unit gives them."""
    even = repeats[0::2]
    return torch.where(even == SPARE, SPARE, even // 2)


def convolved(repeats: Tensor) -> Tensor:
    """The map of the odd channels as the input of a stride-1 unit's branch."""
    odd = repeats[1::2]
    return torch.where(odd == SPARE, SPARE, odd // 2)


def repeat_outputs(values: Tensor, repeats: Tensor) -> Tensor:
    """Values per output channel, (B, ...) -> (W, ...). A spare channel is computed as the first."""
    return values[repeats.clamp(min=0)]


def share_inputs(
    weight: Tensor, repeats: Tensor, spread: float, generator: torch.Generator
) -> Tensor:
    """Weights per input channel (O, B, ...) shared among the repeats, (O, W, ...).

    Equal shares would have equal gradients, and repeats would stay repeats. So shares differ at
    random, and their sum is as before.

    Args:
        spread: how much shares differ, in parts of the root mean square of equal ones.
    """
    read = repeats != SPARE
    members = torch.zeros(len(repeats), weight.shape[1])  # (W, B), a 1 for every repeat
    members[read, repeats[read]] = 1
    parts = members / members.sum(dim=0).clamp(min=1)
    equal = torch.einsum("ob...,wb->ow...", weight, parts)
    noise = torch.empty(equal.shape).normal_(generator=generator)
    noise[:, ~read] = 0
    mean = torch.einsum("ow...,wb->ob...", noise, parts)  # over the repeats of a channel
    noise = noise - torch.einsum("ob...,wb->ow...", mean, members)
    return equal + spread * equal.square().mean().sqrt() * noise
