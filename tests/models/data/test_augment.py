"""Augmentation moves boxes exactly as it moves pixels."""

import msgspec
import pytest
import torch

from models.data.augment import (
    AugmentConfig,
    augment,
    change_colours,
    cut_boxes,
    cut_images,
    random_windows,
)
from models.data.background import MOST_COVERED, NOISE, background_windows
from models.data.batches import Batch
from models.data.night import LUMA
from models.errors import ConfigError
from models.thundernet.ground_truth import IGNORE, PADDING

pytestmark = pytest.mark.torch

SIDE, OUT = 64, 96
FILL = torch.zeros(1, 3, 1, 1)
# Left, top, right, bottom in pixels of the source; off centre, so that a wrong mirror shows.
RECTANGLE = (8, 16, 24, 40)


def image_with_rectangle() -> tuple[torch.Tensor, torch.Tensor]:
    image = torch.zeros(1, 3, SIDE, SIDE, dtype=torch.uint8)
    x1, y1, x2, y2 = RECTANGLE
    image[:, :, y1:y2, x1:x2] = 200
    return image, torch.tensor([[RECTANGLE]]) / SIDE


def seen_box(image: torch.Tensor) -> torch.Tensor:
    """Where the rectangle lies, to parts of a pixel: edges weighted by their brightness."""
    mask = (image[0, 0] / 200).clamp(0, 1)
    rows, columns = mask.amax(dim=1), mask.amax(dim=0)
    x1, y1 = (profile.gt(0.5).float().argmax() for profile in (columns, rows))
    width, height = columns.sum(), rows.sum()
    return torch.stack((x1, y1, x1 + width, y1 + height)).float()


WINDOWS = [
    ((0.0, 0.0, 1.0, 1.0), False),  # the image itself
    ((0.0, 0.0, 1.0, 1.0), True),  # mirrored
    ((0.0, 0.1, 0.7, 0.8), False),  # crop
    ((-0.25, -0.5, 1.25, 1.0), True),  # expansion, mirrored
    ((0.05, -0.2, 0.85, 1.4), True),  # squeezed
]


@pytest.mark.parametrize(("window", "mirror"), WINDOWS)
def test_boxes_follow_the_pixels(window: tuple[float, ...], mirror: bool) -> None:
    image, box = image_with_rectangle()
    windows, mirrored = torch.tensor([window]), torch.tensor([mirror])
    cut = cut_images(image, windows, mirrored, OUT, FILL)
    moved, labels = cut_boxes(
        box, torch.tensor([[3]]), windows, mirrored, OUT, AugmentConfig(min_side=1.0)
    )
    assert labels.tolist() == [[3]]
    torch.testing.assert_close(seen_box(cut), moved[0, 0], atol=1.0, rtol=0)


def test_mirroring_twice_restores_pixels_and_boxes() -> None:
    image, box = image_with_rectangle()
    whole, mirrored = torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([True])
    once = cut_images(image, whole, mirrored, SIDE, FILL)
    twice = cut_images(once, whole, mirrored, SIDE, FILL)
    torch.testing.assert_close(twice, image.float(), atol=1e-2, rtol=0)
    config = AugmentConfig()
    moved, labels = cut_boxes(box, torch.tensor([[1]]), whole, mirrored, SIDE, config)
    back, _ = cut_boxes(moved / SIDE, labels, whole, mirrored, SIDE, config)
    torch.testing.assert_close(back, box * SIDE)


@pytest.mark.parametrize(
    ("box", "label"),
    [
        ((0.1, 0.1, 0.4, 0.4), 5),  # inside the window
        ((0.3, 0.1, 0.7, 0.4), 5),  # half visible
        ((0.4, 0.1, 0.9, 0.4), IGNORE),  # a fifth visible
        ((0.48, 0.1, 0.9, 0.4), PADDING),  # a sliver
        ((0.6, 0.1, 0.9, 0.4), PADDING),  # outside
        ((0.1, 0.1, 0.115, 0.4), IGNORE),  # three pixels wide
    ],
)
def test_cut_objects_become_ignore_regions_or_vanish(box: tuple[float, ...], label: int) -> None:
    window, mirrored = torch.tensor([[0.0, 0.0, 0.5, 0.5]]), torch.tensor([False])
    _, labels = cut_boxes(
        torch.tensor([[box]]), torch.tensor([[5]]), window, mirrored, OUT, AugmentConfig()
    )
    assert labels.tolist() == [[label]]


def test_ignore_regions_stay_ignore_regions() -> None:
    boxes, labels = torch.tensor([[[0.1, 0.1, 0.4, 0.4]]]), torch.tensor([[IGNORE]])
    whole = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    _, moved = cut_boxes(boxes, labels, whole, torch.tensor([False]), OUT, AugmentConfig())
    assert moved.tolist() == [[IGNORE]]


def test_windows_lie_inside_the_image_or_around_it() -> None:
    noise = torch.rand(500, 5, generator=torch.Generator().manual_seed(0))
    windows, mirrored = random_windows((0.55, 1.8), AugmentConfig(), noise)
    low, high = windows[:, :2], windows[:, 2:]
    sides = high - low
    inside = (low >= 0) & (high <= 1 + 1e-6)
    around = (low <= 0) & (high >= 1 - 1e-6)
    assert torch.where(sides < 1, inside, around).all()
    assert 0.3 < mirrored.float().mean() < 0.7
    assert sides.min() < 0.7 < 1.5 < sides.max()


def test_same_generator_state_repeats_the_batch() -> None:
    image, box = image_with_rectangle()
    batch = Batch(image, box, torch.tensor([[3]]), torch.ones(1, 11, dtype=torch.bool))

    def run(seed: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        return augment(batch, OUT, FILL, AugmentConfig(), generator)[0]

    assert torch.equal(run(1), run(1))
    assert not torch.equal(run(1), run(2))
    assert run(1).min() >= 0
    assert run(1).max() <= 255


def test_colours_change_one_after_the_other() -> None:
    """The matrix against its parts: saturation, contrast about the mean, tint, brightness."""
    generator = torch.Generator().manual_seed(4)
    images = torch.rand(5, 3, 9, 9, generator=generator, dtype=torch.float64) * 255
    noise = torch.rand(5, 6, generator=generator, dtype=torch.float64)
    config = AugmentConfig()
    expected = torch.empty_like(images)
    for image, change, out in zip(images, (noise * 2 - 1).tolist(), expected, strict=True):
        grey = sum(weight * channel for weight, channel in zip(LUMA, image, strict=True))
        saturated = grey + (image - grey) * (1 + config.saturation * change[0])
        contrasted = (saturated - grey.mean()) * (1 + config.contrast * change[1])
        for channel, tint in enumerate(change[3:]):
            tinted = contrasted[channel] * (1 + config.tint * tint)
            out[channel] = tinted + grey.mean() + config.brightness * change[2]
    changed = change_colours(images, config, noise)
    torch.testing.assert_close(changed, expected.clamp(0, 255))
    assert (changed - images).abs().mean() > 5


def test_impossible_zoom_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"augment.zoom: expected 0 < low <= high, got \[2"):
        AugmentConfig(zoom=(2.0, 1.0))


@pytest.mark.parametrize("name", ["flip", "background", "mosaic"])
def test_impossible_parts_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"augment.{name}: expected 0 to 1, got 1.5"):
        msgspec.structs.replace(AugmentConfig(), **{name: 1.5})


def test_background_shows_no_object_and_is_taken_as_often_as_asked() -> None:
    count = 400
    image, box = image_with_rectangle()
    batch = Batch(
        image.expand(count, -1, -1, -1),
        box.expand(count, -1, -1),
        torch.full((count, 1), 3),
        torch.ones(count, 11, dtype=torch.bool),
    )
    calm = AugmentConfig(zoom=(1.0, 1.0), brightness=0, contrast=0, saturation=0, tint=0)

    def see(background: float) -> torch.Tensor:
        """Which images are without an object, after looking that those show at most its edge."""
        config = msgspec.structs.replace(calm, background=background)
        generator = torch.Generator().manual_seed(3)
        images, truth = augment(batch, OUT, FILL, config, generator)
        empty = (truth.labels <= PADDING).all(dim=1)  # but for regions to ignore
        bright = (images > 100).float().mean(dim=(1, 2, 3))
        assert (bright[empty] <= 2 * MOST_COVERED).all()
        assert (bright[~empty] > 2 * MOST_COVERED).all()
        return empty

    assert not see(0.0).any()
    assert see(1.0).float().mean() > 0.95  # some find no such window
    assert 0.2 < see(0.3).float().mean() < 0.4


def test_an_image_filled_by_an_object_has_no_background() -> None:
    noise = torch.rand(50, NOISE, generator=torch.Generator().manual_seed(5))
    boxes = torch.tensor([[[0.05, 0.05, 0.9, 0.95], [0.0, 0.0, 0.0, 0.0]]]).expand(50, -1, -1)
    for label in (3, IGNORE):
        labels = torch.tensor([[label, PADDING]]).expand(50, -1)
        windows, is_empty = background_windows(boxes, labels, noise)
        assert not is_empty.any()
        assert (windows[:, :2] >= 0).all()
        assert (windows[:, 2:] <= 1 + 1e-6).all()
