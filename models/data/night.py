"""What cameras see at night: by infrared light no colours, in little light a dim, grainy image.

Shapes: N images, S pixels per side.
"""

import math

import torch
from torch import Tensor

from models.thundernet.random_numbers import uniform

LUMA = (0.114, 0.587, 0.299)  # of blue, green, red (ITU-R BT.601)
GAIN = (0.15, 0.8)  # of a picture in little light, alike by ratio
GRAIN = (0.0, 10.0)  # standard deviation of its brightness, grey levels


def darken(images: Tensor, part: float, generator: torch.Generator) -> Tensor:
    """Images (N, 3, S, S), 0 to 255, of which about `part` are dim and grainy.

    All channels of a pixel have the same grain: cameras smooth away what differs in colour.
    """
    count, side = len(images), images.shape[-1]
    chance, gain, sigma = uniform((count, 3), generator, images.device).T.view(3, count, 1, 1, 1)
    low, high = (math.log(value) for value in GAIN)
    gain = torch.where(chance < part, (low + (high - low) * gain).exp(), 1.0)
    sigma = torch.where(chance < part, GRAIN[0] + (GRAIN[1] - GRAIN[0]) * sigma, 0.0)
    grain = uniform((count, 1, side, side), generator, images.device) - 0.5
    return (images * gain).add_(grain.mul_(sigma * math.sqrt(12))).clamp_(0, 255)


def drop_colours(images: Tensor, part: float, generator: torch.Generator) -> Tensor:
    """Images (N, 3, S, S) BGR of which about `part` have their luma in all channels."""
    wanted = uniform((len(images), 1, 1, 1), generator, images.device) < part
    blue, green, red = (weight * images[:, i] for i, weight in enumerate(LUMA))
    return torch.where(wanted, (blue + green + red)[:, None], images)
