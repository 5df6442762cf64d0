"""Augmentation of a whole batch as tensor operations: random windows of images, and colour.

A window larger than the image is SSD's expansion (filled with the mean colour), a smaller one its
crop. All of it runs on the device that holds the batch.
Shapes: N images, M padded boxes, cached side C, output side S.
"""

import math
from typing import NamedTuple

import msgspec
import torch
from torch import Tensor
from torch.nn import functional as F

from models.data.background import NOISE, background_windows
from models.data.batches import Batch
from models.data.cover import NOISE_OF_COVER, cover_objects
from models.data.mosaic import ACROSS, assemble, pieces
from models.data.night import LUMA, darken, drop_colours
from models.data.veil import NOISE_OF_VEIL, lay_veils
from models.errors import ConfigError
from models.thundernet.boxes import box_area
from models.thundernet.ground_truth import IGNORE, PADDING, GroundTruth
from models.thundernet.native import image_windows
from models.thundernet.random_numbers import uniform


def check_zoom(name: str, zoom: tuple[float, float]) -> None:
    if not 0 < zoom[0] <= zoom[1]:
        raise ConfigError(f"{name}: expected 0 < low <= high, got {list(zoom)}")


def check_part(name: str, part: float) -> None:
    if not 0 <= part <= 1:
        raise ConfigError(f"{name}: expected 0 to 1, got {part}")


class AugmentConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ranges of the random changes; defaults leave most objects recognisable."""

    flip: float = 0.5  # probability
    zoom: tuple[float, float] = (0.55, 1.8)  # objects get this much smaller or larger
    aspect: float = 0.15  # width / height changes by up to this factor, either way
    brightness: float = 24.0  # grey levels
    contrast: float = 0.3
    saturation: float = 0.4
    tint: float = 0.08  # gain of each colour channel
    min_visible: float = 0.35  # of a cut box; below, it is an ignore region
    min_present: float = 0.1  # below, it is dropped
    min_side: float = 4.0  # pixels after warping; below, an ignore region
    background: float = 0.0  # probability of a window without objects, where the image has one
    mosaic: float = 0.0  # part of a batch that are mosaics
    mosaic_zoom: tuple[float, float] = (1.0, 2.5)  # of its pieces; 1 is an image at half its size
    cover: float = 0.0  # part of a batch in which something stands before an object, if it has one
    veil: float = 0.0  # part of a batch over which an image without objects shines, if it has one
    grey: float = 0.0  # probability of an image without colours
    low_light: float = 0.0  # probability of a dim, grainy image

    def __post_init__(self) -> None:
        check_zoom("augment.zoom", self.zoom)
        check_zoom("augment.mosaic_zoom", self.mosaic_zoom)
        for name in ("flip", "background", "mosaic", "cover", "veil", "grey", "low_light"):
            check_part(f"augment.{name}", getattr(self, name))


def random_windows(
    zoom_range: tuple[float, float], config: AugmentConfig, noise: Tensor
) -> tuple[Tensor, Tensor]:
    """Window (N, 4) xyxy in parts of the image, and which images are mirrored (N,).

    Args:
        noise: (N, 5) in [0, 1).
    """
    low, high = (math.log(zoom) for zoom in zoom_range)
    zoom = (low + (high - low) * noise[:, 0]).exp()
    stretch = ((noise[:, 1] * 2 - 1) * math.log(1 + config.aspect) / 2).exp()
    sides = torch.stack((1 / (zoom * stretch), stretch / zoom), dim=1)  # (N, 2)
    # Crops lie inside the image, expansions around it: `1 - sides` has the right sign for both.
    corner = (1 - sides) * noise[:, 2:4]
    return torch.cat((corner, corner + sides), dim=1), noise[:, 4] < config.flip


def cut_images(
    images: Tensor, windows: Tensor, mirrored: Tensor, size: int, fill: Tensor
) -> Tensor:
    """The windows of uint8 images, bilinear: (N, 3, C, C) -> (N, 3, S, S) float 0 to 255."""
    if image_windows.serves(images, fill):
        return image_windows.cut(images, windows, mirrored, size, fill)
    sides = windows[:, 2:] - windows[:, :2]
    direction = torch.where(mirrored, -1.0, 1.0)
    theta = windows.new_zeros(len(windows), 2, 3)
    theta[:, 0, 0] = sides[:, 0] * direction
    theta[:, 1, 1] = sides[:, 1]
    theta[:, :, 2] = windows[:, :2] + windows[:, 2:] - 1  # window centre, in [-1, 1]
    grid = F.affine_grid(theta, [len(images), 3, size, size], align_corners=False)
    # What lies outside reads as zero, so the fill colour is subtracted before.
    images = images.to(grid.dtype, copy=True).sub_(fill)
    cut = F.grid_sample(images, grid, padding_mode="zeros", align_corners=False)
    return cut.add_(fill)


def cut_boxes(
    boxes: Tensor, labels: Tensor, windows: Tensor, mirrored: Tensor, size: int, c: AugmentConfig
) -> tuple[Tensor, Tensor]:
    """Boxes (N, M, 4) in pixels of the cut images, and labels after what was cut away."""
    corner, sides = windows[:, None, :2], windows[:, None, 2:] - windows[:, None, :2]
    moved = (boxes - corner.repeat(1, 1, 2)) / sides.repeat(1, 1, 2)
    x1, y1, x2, y2 = moved.unbind(dim=-1)
    flipped = torch.stack((1 - x2, y1, 1 - x1, y2), dim=-1)
    moved = torch.where(mirrored[:, None, None], flipped, moved)
    inside = moved.clamp(0, 1)
    visible = box_area(inside) / box_area(moved).clamp(min=1e-9)  # (N, M)
    pixels = inside * size
    short_side = (pixels[..., 2:] - pixels[..., :2]).amin(dim=-1)
    doubtful = (visible < c.min_visible) | (short_side < c.min_side)
    labels = torch.where(doubtful & (labels > 0), IGNORE, labels)
    labels = torch.where((visible < c.min_present) | (short_side < 1), PADDING, labels)
    return pixels * (labels != PADDING)[..., None], labels


def colour_change(means: Tensor, config: AugmentConfig, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Matrix (N, 3, 3) and offset (N, 3, 1) that change brightness, contrast, saturation and tint.

    Args:
        means: (N, 3) of each image's channels.
        noise: (N, 6) in [0, 1).
    """
    change = noise * 2 - 1  # in [-1, 1)
    saturation = 1 + config.saturation * change[:, 0:1]  # (N, 1)
    gain = (1 + config.contrast * change[:, 1:2]) * (1 + config.tint * change[:, 3:6])  # (N, 3)
    grey = torch.cat([weight * (1 - saturation) for weight in LUMA], dim=1)  # (N, 3)
    matrix = grey[:, None] + torch.diag_embed(saturation.expand(-1, 3))
    # Contrast leaves the mean brightness where it is.
    blue, green, red = (weight * mean for weight, mean in zip(LUMA, means.unbind(1), strict=True))
    middle = blue + green + red  # (N,)
    offset = middle[:, None] * (1 - gain) + config.brightness * change[:, 2:3]
    return gain[..., None] * matrix, offset[..., None]


def change_colours(images: Tensor, config: AugmentConfig, noise: Tensor) -> Tensor:
    """Images (N, 3, S, S) in other colours, each image its own; noise (N, 6) in [0, 1).

    The images given are used up.
    """
    if image_windows.serves_colours(images):
        means = image_windows.colour_means(images)
        return image_windows.change_colours(images, *colour_change(means, config, noise))
    pixels = images.flatten(2)  # (N, 3, S * S)
    matrix, offset = colour_change(pixels.mean(dim=2), config, noise)
    return torch.baddbmm(offset, matrix, pixels).clamp_(0, 255).view_as(images)


class Augmentation(NamedTuple):
    """How a batch is changed, and by what chance."""

    config: AugmentConfig
    fill: Tensor  # (1, 3, 1, 1), the colour outside of images
    generator: torch.Generator

    def random(self, count: int, numbers: int, device: torch.device) -> Tensor:
        return uniform((count, numbers), self.generator, device)

    def change(
        self, batch: Batch, size: int, windows: Tensor, mirrored: Tensor
    ) -> tuple[Tensor, GroundTruth]:
        """What the windows show, in other colours."""
        images = cut_images(batch.images, windows, mirrored, size, self.fill)
        images = change_colours(images, self.config, self.random(len(images), 6, images.device))
        boxes, labels = cut_boxes(batch.boxes, batch.labels, windows, mirrored, size, self.config)
        return images, GroundTruth(boxes, labels, batch.labelled)

    def single(self, batch: Batch, size: int) -> tuple[Tensor, GroundTruth]:
        """Each image by itself."""
        count, device = len(batch.images), batch.images.device
        noise = self.random(count, 5, device)
        windows, mirrored = random_windows(self.config.zoom, self.config, noise)
        if self.config.background:
            chance = self.random(count, 1 + NOISE, device)
            empty, is_empty = background_windows(batch.boxes, batch.labels, chance[:, 1:])
            wanted = is_empty & (chance[:, 0] < self.config.background)
            windows = torch.where(wanted[:, None], empty, windows)
        return self.change(batch, size, windows, mirrored)

    def mosaics(self, batch: Batch, count: int, size: int) -> tuple[Tensor, GroundTruth]:
        """The first `count` images, each with three others."""
        parts = pieces(batch, count)
        noise = self.random(len(parts.images), 5, batch.images.device)
        windows, mirrored = random_windows(self.config.mosaic_zoom, self.config, noise)
        return assemble(*self.change(parts, size // ACROSS, windows, mirrored))


def augment(
    batch: Batch, size: int, fill: Tensor, config: AugmentConfig, generator: torch.Generator
) -> tuple[Tensor, GroundTruth]:
    """Augmented images (N, 3, S, S), float 0 to 255, with their ground truth in pixels.

    Mosaics come first. S is even where there are any.
    """
    images, truth = compose(batch, size, fill, config, generator)
    return see_by_night(images, config, generator), truth


def compose(
    batch: Batch, size: int, fill: Tensor, config: AugmentConfig, generator: torch.Generator
) -> tuple[Tensor, GroundTruth]:
    """As `augment`, by daylight."""
    augmentation = Augmentation(config, fill, generator)
    images, truth = mosaics_and_singles(batch, size, augmentation)
    if config.cover:
        noise = augmentation.random(len(images), NOISE_OF_COVER, images.device)
        images, truth = cover_objects(images, truth, config.cover, noise)
    if config.veil:
        noise = augmentation.random(len(images), NOISE_OF_VEIL, images.device)
        images, truth = lay_veils(images, truth, config.veil, noise)
    return images, truth


def see_by_night(images: Tensor, config: AugmentConfig, generator: torch.Generator) -> Tensor:
    """The same images (N, 3, S, S), a part of them without colours or in little light."""
    if config.low_light:
        images = darken(images, config.low_light, generator)
    if config.grey:
        images = drop_colours(images, config.grey, generator)
    return images


def mosaics_and_singles(
    batch: Batch, size: int, augmentation: Augmentation
) -> tuple[Tensor, GroundTruth]:
    count = round(augmentation.config.mosaic * len(batch.images))
    if not count:
        return augmentation.single(batch, size)
    images, truth = augmentation.mosaics(batch, count, size)
    if count == len(batch.images):
        return images, truth
    others = Batch(*(values[count:] for values in batch))
    other_images, other_truth = augmentation.single(others, size)
    both = (torch.cat(pair) for pair in zip(truth, other_truth, strict=True))
    return torch.cat((images, other_images)), GroundTruth(*both)
