"""Random numbers that follow from a key, so that a continued run repeats without saved state."""

import numpy as np
import torch


def seeded_generator(device: torch.device, *key: int) -> torch.Generator:
    """A generator for one key, such as (seed, iteration, rank).

    The key is mixed first: torch's CPU generator reads the low 32 bits of a seed alone.
    """
    state = np.random.SeedSequence(key).generate_state(1, np.uint32)
    return torch.Generator(device).manual_seed(int(state[0]))
