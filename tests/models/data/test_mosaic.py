"""A mosaic shows its four pieces and their objects where they lie, and claims no more than they."""

from collections.abc import Sequence

import pytest
import torch

from models.data.augment import AugmentConfig, augment
from models.data.batches import Batch
from models.data.mosaic import PIECES, assemble, pieces
from models.thundernet.ground_truth import IGNORE, PADDING, GroundTruth

pytestmark = pytest.mark.torch

SIDE = 32
CLASSES = 3
FILL = torch.zeros(1, 3, 1, 1)
ROAD, FARM = (True, True, False), (False, False, True)  # classes that two sources label


def truth_of(boxes: Sequence[Sequence[tuple[float, ...]]], labels: list[list[int]]) -> GroundTruth:
    everywhere = torch.ones(len(labels), CLASSES, dtype=torch.bool)
    return GroundTruth(torch.tensor(boxes).float(), torch.tensor(labels), everywhere)


def batch_of(labelled: Sequence[tuple[bool, ...]]) -> Batch:
    """Images of one grey each, 1, 2, 3..., with an object of the first class in the middle."""
    count = len(labelled)
    greys = torch.arange(1, count + 1, dtype=torch.uint8).view(-1, 1, 1, 1)
    boxes = torch.tensor([[[0.25, 0.25, 0.75, 0.75], [0.0, 0.0, 0.0, 0.0]]]).repeat(count, 1, 1)
    labels = torch.tensor([[1, PADDING]]).repeat(count, 1)
    return Batch(greys.expand(-1, 3, SIDE, SIDE), boxes, labels, torch.tensor(labelled))


def greys_of(images: torch.Tensor) -> list[int]:
    return images[:, 0, 0, 0].int().tolist()


def test_boxes_lie_where_their_pixels_lie() -> None:
    """Pieces are black but for a rectangle that is as bright as its object's class says."""
    rectangles = [(2, 4, 10, 20), (0, 0, 32, 8), (5, 6, 7, 30), (20, 20, 31, 32)]
    classes = [1, 2, 3, 1]
    images = torch.zeros(PIECES, 3, SIDE, SIDE)
    for image, (x1, y1, x2, y2), label in zip(images, rectangles, classes, strict=True):
        image[:, y1:y2, x1:x2] = label
    truth = truth_of(
        [[box, (0, 0, 0, 0), (0, 0, 0, 0), (0, 0, 0, 0)] for box in rectangles],
        [[label, PADDING, PADDING, PADDING] for label in classes],
    )
    whole, found = assemble(images, truth)
    assert whole.shape == (1, 3, 2 * SIDE, 2 * SIDE)
    assert found.labels.tolist() == [classes]
    shown = torch.zeros_like(whole[0])
    for box, label in zip(found.boxes[0].int().tolist(), found.labels[0].tolist(), strict=True):
        x1, y1, x2, y2 = box
        shown[:, y1:y2, x1:x2] = label
    assert torch.equal(shown, whole[0])


def test_what_has_no_place_is_a_region_to_ignore_first() -> None:
    box = [(1.0, 1.0, 9.0, 9.0)] * 2
    truth = truth_of([box] * PIECES, [[IGNORE, 2], [PADDING, IGNORE], [PADDING, 3], [1, IGNORE]])
    images = torch.zeros(PIECES, 3, SIDE, SIDE)
    _, found = assemble(images, truth)
    assert found.labels.tolist() == [[2, 3]]
    roomy = truth_of([box + [(0, 0, 0, 0)] * 3] * PIECES, [
        [label, PADDING, PADDING, PADDING, PADDING] for label in (2, IGNORE, PADDING, 1)
    ])  # fmt: skip
    _, found = assemble(images, roomy)
    assert found.labels.tolist() == [[2, 1, IGNORE, PADDING, PADDING]]
    assert (found.boxes[0, 3:] == 0).all()
    assert (found.boxes[0, :3] > 0).all()


def test_only_what_all_pieces_label_is_labelled() -> None:
    labelled = torch.tensor([(True, True, False), ROAD, (True, False, False), ROAD])
    truth = truth_of([[(0, 0, 1, 1)]] * PIECES, [[PADDING]] * PIECES)
    _, found = assemble(torch.zeros(PIECES, 3, 4, 4), truth._replace(labelled=labelled))
    assert found.labelled.tolist() == [[True, False, False]]


def test_pieces_of_a_mosaic_label_the_same_classes() -> None:
    """Its own image comes first, as often as there are mosaics; no image twice in one."""
    sources = [ROAD, FARM, ROAD, FARM, FARM, ROAD, ROAD, FARM]
    batch = batch_of(sources)
    cut = pieces(batch, 5)
    assert len(cut.images) == 5 * PIECES
    shown = torch.tensor(greys_of(cut.images)).view(5, PIECES)
    assert shown[:, 0].tolist() == [1, 2, 3, 4, 5]
    assert all(len(set(row)) == PIECES for row in shown.tolist())
    same = [{sources[grey - 1] for grey in row} for row in shown.tolist()]
    # Where the images of one kind end, the other kind's follow.
    assert sum(len(kinds) == 1 for kinds in same) >= 2
    assert torch.equal(cut.boxes, batch.boxes[shown.flatten() - 1])
    assert torch.equal(cut.labelled, batch.labelled[shown.flatten() - 1])


def test_a_batch_of_fewer_images_than_pieces_repeats_them() -> None:
    assert greys_of(pieces(batch_of([ROAD, ROAD]), 1).images) == [1, 2, 1, 2]


@pytest.mark.parametrize(("part", "mosaics"), [(0.0, 0), (0.5, 4), (1.0, 8)])
def test_mosaics_come_first_and_as_many_as_asked_for(part: float, mosaics: int) -> None:
    batch = batch_of([ROAD] * 8)
    still = AugmentConfig(
        zoom=(1.0, 1.0),
        mosaic_zoom=(1.0, 1.0),
        aspect=0.0,
        brightness=0.0,
        contrast=0.0,
        saturation=0.0,
        tint=0.0,
        mosaic=part,
    )
    images, truth = augment(batch, SIDE, FILL, still, torch.Generator().manual_seed(0))
    shown = [len(image.round().unique()) for image in images]
    assert shown == [PIECES] * mosaics + [1] * (8 - mosaics)
    assert truth.boxes.shape == (8, 2, 4)
    half, quarter = SIDE / 2, SIDE / 4
    # Two places for four objects: two of them are left, each half as large as in its own image.
    sides = truth.boxes[..., 2:] - truth.boxes[..., :2]
    assert (sides[:mosaics] == quarter).all()
    assert (sides[mosaics:, 0] == half).all()
    assert (truth.labels[mosaics:] == torch.tensor([1, PADDING])).all()
