"""Night: what is dark and grainy, and what has no colours."""

import msgspec
import pytest
import torch

from models.data.augment import AugmentConfig, augment, compose
from models.data.batches import Batch
from models.data.night import GAIN, GRAIN, LUMA, darken, drop_colours
from models.errors import ConfigError

pytestmark = pytest.mark.torch

COUNT, SIDE = 2000, 12
COLOUR = torch.tensor([40.0, 120.0, 200.0])  # blue, green, red
BRIGHTNESS = float((COLOUR * torch.tensor(LUMA)).sum())


def plain_images() -> torch.Tensor:
    return COLOUR.view(1, 3, 1, 1).repeat(COUNT, 1, SIDE, SIDE)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def test_a_part_has_no_colours() -> None:
    seen = drop_colours(plain_images(), 0.3, generator())
    is_grey = (seen == seen[:, :1]).flatten(1).all(dim=1)
    assert 0.27 < is_grey.float().mean() < 0.33
    assert torch.allclose(seen[is_grey], torch.tensor(BRIGHTNESS), atol=1e-3)
    assert torch.equal(seen[~is_grey], plain_images()[~is_grey])


def test_a_part_has_little_light_and_grain() -> None:
    seen = darken(plain_images(), 0.3, generator())
    is_dim = (seen != plain_images()).flatten(1).any(dim=1)
    assert 0.27 < is_dim.float().mean() < 0.33
    red = seen[is_dim, 2]  # the brightest, which no grain makes black
    gain, sigma = red.mean(dim=(1, 2)) / COLOUR[2], red.std(dim=(1, 2))
    low, high = GAIN
    assert low - 0.03 < gain.min() < low + 0.03
    assert high - 0.03 < gain.max() < high + 0.03
    assert 0.8 < gain.median() / (low * high) ** 0.5 < 1.25  # alike by ratio
    assert sigma.min() < 0.5
    assert 0.85 * GRAIN[1] < sigma.max() < 1.15 * GRAIN[1]
    # Grain is of the brightness: what stays within 0 to 255 moves alike in all channels.
    one = seen[is_dim][sigma.argmin()]
    moved = one - one.mean(dim=(1, 2), keepdim=True)
    assert torch.allclose(moved[1], moved[2], atol=1e-3)


def test_augmentation_ends_with_the_night() -> None:
    """Of one image both may be true; all else is as without."""
    batch = Batch(
        torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8, generator=generator()),
        torch.tensor([[0.2, 0.2, 0.8, 0.8]]).repeat(8, 1).view(8, 1, 4),
        torch.ones(8, 1, dtype=torch.int64),
        torch.ones(8, 2, dtype=torch.bool),
    )
    fill, night = torch.zeros(1, 3, 1, 1), AugmentConfig(grey=1.0, low_light=1.0)
    plain, truth = augment(batch, 32, fill, AugmentConfig(), generator())
    daylight, _ = compose(batch, 32, fill, night, generator())
    seen, same = augment(batch, 32, fill, night, generator())
    assert torch.equal(daylight, plain)
    assert all(torch.equal(a, b) for a, b in zip(truth, same, strict=True))
    assert torch.equal(seen, seen[:, :1].expand_as(seen))
    assert (seen.mean(dim=(1, 2, 3)) < (GAIN[1] + 0.05) * plain.mean(dim=(1, 2, 3))).all()


@pytest.mark.parametrize("name", ["grey", "low_light"])
def test_a_part_below_zero_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"augment\.{name}: expected 0 to 1, got -1"):
        msgspec.structs.replace(AugmentConfig(), **{name: -1})
