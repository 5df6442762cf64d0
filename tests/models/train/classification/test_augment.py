import numpy as np
import pytest
import torch

from models.train.classification.augment import augment
from models.train.classification.recipe import CropConfig

pytestmark = pytest.mark.torch


def test_mirroring_and_colours_are_those_of_the_noise() -> None:
    random = np.random.default_rng(0)
    images = torch.from_numpy(random.integers(0, 256, (64, 3, 6, 5), dtype=np.uint8))
    generator = torch.Generator().manual_seed(0)
    still = augment(images, CropConfig(flip=0.5, jitter=0.0), generator)
    same = (still == images).flatten(1).all(dim=1)
    mirrored = (still == images.flip(3)).flatten(1).all(dim=1)
    assert (same ^ mirrored).all()
    assert 16 < mirrored.sum() < 48
    changed = augment(images, CropConfig(flip=0.0, jitter=0.4), generator)
    assert changed.min() >= 0
    assert changed.max() <= 255
    assert (changed - images).abs().flatten(1).mean(dim=1).min() > 0.5
