"""Random maps as the kernels take them: channels last."""

import torch
from torch import Tensor


def random_map(channels: int, side: int, seed: int = 0, images: int = 4) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(images, channels, side, side, generator=generator) * 2 + 3
    return x.contiguous(memory_format=torch.channels_last)
