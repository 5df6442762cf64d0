"""Mirroring and colours of a whole batch as tensor operations, as torchvision's ColorJitter.

Shapes: N images, S pixels per side; images (N, 3, S, S) BGR, 0 to 255.
"""

import torch
from torch import Tensor

from models.train.classification.recipe import CropConfig

GREY = (0.114, 0.587, 0.299)  # luma of blue, green, red (ITU-R BT.601)
CHANGES = 4  # random numbers per image: mirror, brightness, contrast, saturation


def augment(images: Tensor, config: CropConfig, generator: torch.Generator) -> Tensor:
    """Float images; every image is mirrored or not, and changes its colours in its own way."""
    noise = torch.rand(len(images), CHANGES, generator=generator, device=images.device)
    noise = noise[:, :, None, None, None]  # (N, 4, 1, 1, 1)
    images = torch.where(noise[:, 0] < config.flip, images.flip(3), images).float()
    gain = 1 + config.jitter * (noise[:, 1:] * 2 - 1)
    images = (images * gain[:, 0]).clamp(0, 255)
    middle = luma(images).mean(dim=(2, 3), keepdim=True)
    images = torch.lerp(middle, images, gain[:, 1]).clamp(0, 255)
    return torch.lerp(luma(images), images, gain[:, 2]).clamp(0, 255)


def luma(images: Tensor) -> Tensor:
    return (images * images.new_tensor(GREY).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)
