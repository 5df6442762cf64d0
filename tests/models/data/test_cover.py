"""Covers: a piece of an image without objects stands before a part of one, and its box ends there.

Pictures are grey by image, so that what comes from where can be counted.
"""

import pytest
import torch

from models.data.augment import AugmentConfig, augment
from models.data.batches import Batch
from models.data.cover import EXTENT, NOISE_OF_COVER, cover_objects
from models.errors import ConfigError
from models.thundernet.ground_truth import IGNORE, PADDING, GroundTruth

pytestmark = pytest.mark.torch

SIDE = 100
OBJECT = [20.0, 30.0, 60.0, 80.0]
EMPTY = 200.0  # the grey of the image without objects
BELOW, LEFT, RIGHT = 0.1, 0.7, 0.95  # numbers that choose a side


def pictures(*boxes: tuple[list[float], int]) -> tuple[torch.Tensor, GroundTruth]:
    """An image of grey 0 with these, and one of grey `EMPTY` with none and one class unlabelled."""
    count = len(boxes)
    images = torch.zeros(2, 3, SIDE, SIDE)
    images[1] = EMPTY
    places = torch.zeros(2, count, 4)
    places[0] = torch.tensor([box for box, _ in boxes])
    labels = torch.zeros(2, count, dtype=torch.long)
    labels[0] = torch.tensor([label for _, label in boxes])
    labelled = torch.tensor([[True, True], [True, False]])
    return images, GroundTruth(places, labels, labelled)


def noise(side: float, extent: float, rank: float = 0.0) -> torch.Tensor:
    row = torch.tensor([0.0, 0.0, rank, side, extent])  # the first: chosen whatever the part
    return row.repeat(2, 1)


@pytest.mark.parametrize(
    ("side", "seen", "cover"),
    [
        (BELOW, [20, 30, 60, 60], [16, 60, 64, 85]),
        (LEFT, [36, 30, 60, 80], [16, 25, 36, 85]),
        (RIGHT, [20, 30, 44, 80], [44, 25, 64, 85]),
    ],
)
def test_box_ends_where_the_cover_begins(side: float, seen: list[int], cover: list[int]) -> None:
    images, truth = pictures((OBJECT, 2))
    found, changed = cover_objects(images, truth, 0.5, noise(side, 0.5))  # 40 % of it
    assert changed.boxes[0, 0].tolist() == pytest.approx(seen)
    assert changed.labels.tolist() == [[2], [PADDING]]
    expected = torch.zeros(3, SIDE, SIDE)
    x1, y1, x2, y2 = cover
    expected[:, y1:y2, x1:x2] = EMPTY
    assert torch.equal(found[0], expected)
    assert torch.equal(found[1], images[1])
    # What covers may show what it was not labelled for.
    assert changed.labelled.tolist() == [[True, False], [True, False]]
    assert truth.boxes[0, 0].tolist() == OBJECT  # what was given stays as it was
    assert not images[0].any()


def test_the_least_and_the_most_that_is_covered() -> None:
    for extent, part in zip((0.0, 1.0), EXTENT, strict=True):
        images, truth = pictures((OBJECT, 1))
        _, changed = cover_objects(images, truth, 1.0, noise(BELOW, extent))
        assert changed.boxes[0, 0].tolist() == pytest.approx([20, 30, 60, 80 - part * 50])


def test_of_others_those_that_are_half_hidden_are_not_asked_for() -> None:
    """The chosen one is seen to its end; of others the ends are not known to be right any more."""
    images, truth = pictures(
        (OBJECT, 1),
        ([18.0, 50.0, 62.0, 82.0], 2),  # 69 % of it behind the cover from 60 to 85
        ([30.0, 64.0, 50.0, 84.0], 1),  # all of it
        ([22.0, 10.0, 58.0, 62.0], 1),  # 4 % of it
        ([0.0, 0.0, 9.0, 9.0], IGNORE),
    )
    _, changed = cover_objects(images, truth, 1.0, noise(BELOW, 0.5))
    assert changed.labels[0].tolist() == [1, IGNORE, PADDING, 1, IGNORE]
    assert changed.boxes[0, 1].tolist() == [18, 50, 62, 82]
    assert not changed.boxes[0, 2].any()


def test_only_objects_that_are_large_enough_are_chosen_and_each_can_be() -> None:
    images, truth = pictures(
        ([0.0, 0.0, 40.0, 40.0], IGNORE),
        (OBJECT, 1),
        ([70.0, 10.0, 80.0, 60.0], 1),  # 10 pixels wide
        ([70.0, 70.0, 90.0, 90.0], 2),
    )
    for rank, row in ((0.0, 1), (0.49, 1), (0.51, 3), (0.99, 3)):
        _, changed = cover_objects(images, truth, 1.0, noise(BELOW, 1.0, rank))
        moved = (changed.boxes[0] != truth.boxes[0]).any(dim=1)
        assert moved.nonzero().flatten().tolist() == [row]


def test_a_cover_ends_with_the_image() -> None:
    images, truth = pictures(([0.0, 60.0, 40.0, 100.0], 1))
    found, _ = cover_objects(images, truth, 1.0, noise(BELOW, 0.5))
    covered = found[0, 0] == EMPTY
    assert covered.any(dim=1).nonzero().flatten().tolist() == list(range(84, 100))
    assert covered.any(dim=0).nonzero().flatten().tolist() == list(range(44))


def test_a_part_of_the_images_has_one() -> None:
    count = 3000
    images = torch.zeros(count + 1, 3, 20, 20)
    images[-1] = EMPTY
    boxes = torch.tensor([[2.0, 2.0, 18.0, 18.0]]).repeat(count + 1, 1).view(-1, 1, 4)
    labels = torch.ones(count + 1, 1, dtype=torch.long)
    labels[-1] = PADDING
    truth = GroundTruth(boxes, labels, torch.ones(count + 1, 1, dtype=torch.bool))
    chance = torch.rand(count + 1, NOISE_OF_COVER, generator=torch.Generator().manual_seed(0))
    found, changed = cover_objects(images, truth, 0.25, chance)
    covered = found[:-1].flatten(1).any(dim=1)
    assert 0.22 < covered.float().mean() < 0.28
    assert torch.equal((changed.boxes != truth.boxes)[:-1].flatten(1).any(dim=1), covered)


@pytest.mark.parametrize("labels", [[1, 2], [PADDING, PADDING]], ids=["no cover", "no object"])
def test_where_there_is_nothing_to_do_nothing_changes(labels: list[int]) -> None:
    images = torch.rand(2, 3, SIDE, SIDE)
    boxes = torch.tensor([OBJECT, OBJECT]).view(2, 1, 4) * torch.tensor(labels).view(2, 1, 1)
    truth = GroundTruth(boxes, torch.tensor(labels).view(2, 1), torch.ones(2, 2, dtype=torch.bool))
    found, changed = cover_objects(images, truth, 1.0, noise(BELOW, 0.5))
    assert torch.equal(found, images)
    assert all(torch.equal(a, b) for a, b in zip(changed, truth, strict=True))


def test_augmentation_covers_mosaics_and_single_images() -> None:
    count = 8
    images = torch.randint(0, 256, (count, 3, 64, 64), dtype=torch.uint8)
    boxes = torch.tensor([[0.2, 0.2, 0.8, 0.8]]).repeat(count, 1).view(count, 1, 4)
    labels = torch.tensor([1, 1, 1, 1, 1, 1, 1, PADDING]).view(count, 1)
    batch = Batch(images, boxes, labels, torch.ones(count, 2, dtype=torch.bool))

    def make(cover: float) -> tuple[torch.Tensor, GroundTruth]:
        config = AugmentConfig(zoom=(1.0, 1.0), mosaic=0.5, mosaic_zoom=(1.0, 1.0), cover=cover)
        generator = torch.Generator().manual_seed(1)
        return augment(batch, 64, torch.zeros(1, 3, 1, 1), config, generator)

    (plain, known), (covered, left) = make(0.0), make(1.0)
    changed = (plain != covered).flatten(1).any(dim=1)
    assert torch.equal(changed, (known.labels > 0).any(dim=1))
    smaller = (left.boxes != known.boxes).any(dim=2).sum(dim=1)
    assert torch.equal(smaller > 0, changed)


def test_a_part_beyond_one_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"augment\.cover: expected 0 to 1, got 1\.5"):
        AugmentConfig(cover=1.5)
