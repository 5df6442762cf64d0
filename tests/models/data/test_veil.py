"""Veils: what an object is seen through is an image in which nothing is to be found."""

import pytest
import torch

from models.data.augment import AugmentConfig, augment
from models.data.batches import Batch
from models.data.veil import NOISE_OF_VEIL, OPACITY, lay_veils
from models.errors import ConfigError
from models.thundernet.ground_truth import IGNORE, PADDING, GroundTruth

pytestmark = pytest.mark.torch

SIDE = 8


def truth_of(labels: list[int]) -> GroundTruth:
    """One place for a box in each image, and two classes, of which odd images lack one."""
    count = len(labels)
    boxes = torch.tensor([[1.0, 1.0, 5.0, 5.0]]).repeat(count, 1).view(count, 1, 4)
    labelled = torch.tensor([[True, row % 2 == 0] for row in range(count)])
    return GroundTruth(boxes, torch.tensor(labels).view(count, 1), labelled)


def greys(*values: float) -> torch.Tensor:
    return (
        torch.tensor(values, dtype=torch.float32)
        .view(-1, 1, 1, 1)
        .expand(-1, 3, SIDE, SIDE)
        .contiguous()
    )


def test_only_images_without_anything_are_veils() -> None:
    """Of five images only the fourth is one: not those with an object or a region to ignore."""
    images, truth = greys(0, 10, 20, 100, 30), truth_of([1, 2, IGNORE, PADDING, 1])
    found, changed = lay_veils(images, truth, 1.0, torch.rand(5, NOISE_OF_VEIL))
    low, high = OPACITY
    for before, after in zip(images, found, strict=True):
        mixed = torch.full_like(after, float(after[0, 0, 0]))
        assert torch.equal(after, mixed)  # the veil lies over all of it
        gone = 100 - float(before[0, 0, 0])
        moved = float(after[0, 0, 0] - before[0, 0, 0])
        assert low * gone - 1e-3 <= moved <= high * gone + 1e-3
    assert torch.equal(changed.boxes, truth.boxes)
    assert torch.equal(changed.labels, truth.labels)
    # The veil may show what it was not labelled for.
    assert changed.labelled.tolist() == [[True, False]] * 5


def test_a_part_of_the_images_has_one() -> None:
    count = 4000
    images = greys(*[0.0] * (count - 1), 100.0)
    truth = truth_of([1] * (count - 1) + [PADDING])
    noise = torch.rand(count, NOISE_OF_VEIL, generator=torch.Generator().manual_seed(0))
    found, changed = lay_veils(images, truth, 0.25, noise)
    veiled = (found[:-1, 0, 0, 0] > 0).float()
    assert 0.22 < veiled.mean() < 0.28
    # What has none keeps what is known of it.
    plain = (veiled == 0).nonzero()[:, 0]
    assert torch.equal(changed.labelled[plain], truth.labelled[plain])
    assert torch.equal(found[plain], images[plain])


def test_without_an_empty_image_nothing_changes() -> None:
    images, truth = greys(1, 2, 3), truth_of([1, 2, IGNORE])
    found, changed = lay_veils(images, truth, 1.0, torch.rand(3, NOISE_OF_VEIL))
    assert torch.equal(found, images)
    assert all(torch.equal(a, b) for a, b in zip(changed, truth, strict=True))


def test_augmentation_lays_them_over_everything() -> None:
    """Mosaics and single images alike; without the key no number is drawn more."""
    count = 8
    images = torch.randint(0, 256, (count, 3, SIDE * 2, SIDE * 2), dtype=torch.uint8)
    boxes = torch.tensor([[0.2, 0.2, 0.8, 0.8]]).repeat(count, 1).view(count, 1, 4)
    labels = torch.tensor([1, 1, 1, 1, 1, 1, 1, PADDING]).view(count, 1)
    batch = Batch(images, boxes, labels, torch.ones(count, 2, dtype=torch.bool))
    fill = torch.zeros(1, 3, 1, 1)

    def make(veil: float) -> tuple[torch.Tensor, GroundTruth]:
        config = AugmentConfig(zoom=(1.0, 1.0), mosaic=0.5, mosaic_zoom=(1.0, 1.0), veil=veil)
        return augment(batch, 16, fill, config, torch.Generator().manual_seed(1))

    (plain, known), (veiled, same) = make(0.0), make(1.0)
    assert torch.equal(known.boxes, same.boxes)
    changed = (plain != veiled).flatten(1).any(dim=1)
    has_object = (known.labels > 0).any(dim=1)
    assert changed[has_object].all()


def test_a_part_beyond_one_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"augment\.veil: expected 0 to 1, got 1\.5"):
        AugmentConfig(veil=1.5)
