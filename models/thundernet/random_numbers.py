"""Random numbers of one generator for any device."""

import torch
from torch import Tensor


def uniform(shape: tuple[int, ...], generator: torch.Generator, device: torch.device) -> Tensor:
    """Random numbers in [0, 1) on `device`, drawn on the generator's own."""
    return torch.rand(shape, generator=generator, device=generator.device).to(device)
