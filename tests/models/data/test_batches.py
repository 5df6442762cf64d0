"""The order of the data: a function of seed and iteration, with the asked weights."""

import numpy as np
import pytest

from models.data.batches import BOX_STEP, Batches, image_weights
from models.data.report import DataError
from models.data.samples import LabelledBox, Samples, box_counts, pad_boxes
from models.errors import ConfigError
from models.thundernet.ground_truth import IGNORE, PADDING

pytestmark = pytest.mark.torch

CLASSES = 3


def make_samples(classes: list[list[int]], source: str = "a") -> Samples:
    """One image per entry with boxes of these classes; its pixels all have its row's value."""
    count = len(classes)
    whole = (0.0, 0.0, 1.0, 1.0)
    boxes, labels = pad_boxes([[LabelledBox(label, whole) for label in row] for row in classes])
    images = np.arange(count, dtype=np.uint8)[:, None, None, None].repeat(3, axis=1)
    return Samples(
        [f"{source}{i}" for i in range(count)],
        [source] * count,
        boxes,
        labels,
        np.ones((count, CLASSES), bool),
        np.ones(count, bool),
        np.ascontiguousarray(np.broadcast_to(images, (count, 3, 2, 2))),
    )


def test_a_pass_shows_every_image_once() -> None:
    samples = make_samples([[1]] * 12)
    batches = Batches([samples], [np.ones(12)], batch_size=4, seed=0)
    rows = [row for iteration in range(3) for row in batches.rows(iteration)]
    assert sorted(rows) == list(range(12))
    assert rows != list(range(12))


def test_iterations_may_be_asked_in_any_order() -> None:
    samples = make_samples([[1]] * 10)
    first = Batches([samples], [np.ones(10)], batch_size=4, seed=7)
    forward = [first.rows(i) for i in range(8)]  # across three passes
    second = Batches([samples], [np.ones(10)], batch_size=4, seed=7)
    assert [second.rows(i) for i in reversed(range(8))] == forward[::-1]


def test_seed_changes_the_order() -> None:
    samples = make_samples([[1]] * 30)
    orders = [Batches([samples], [np.ones(30)], 30, seed).rows(0) for seed in (1, 2)]
    assert orders[0] != orders[1]


def test_weights_set_how_often_images_show() -> None:
    sets = [make_samples([[1]] * 50, "a"), make_samples([[1]] * 50, "b")]
    batches = Batches(sets, [np.full(50, 2.0), np.full(50, 0.5)], batch_size=125, seed=0)
    rows = np.array([row for iteration in range(4) for row in batches.rows(iteration)])
    counts = np.bincount(rows, minlength=100)
    assert (counts[:50] == 8).all()  # twice in each of four passes
    assert counts[50:].sum() == 100
    assert counts[50:].max() <= 4


def test_rare_classes_and_sources_are_weighted() -> None:
    samples = make_samples([[1]] * 96 + [[1, 2]] * 4)
    weights = image_weights(samples, {"a": 0.5}, rare_below=0.16)
    assert weights[0] == pytest.approx(0.5)
    assert weights[-1] == pytest.approx(0.5 * (0.16 / 0.04) ** 0.5)


def test_unreadable_images_are_never_drawn() -> None:
    samples = make_samples([[1]] * 4)
    samples.present[2] = False
    weights = image_weights(samples, {}, rare_below=0.1)
    batches = Batches([samples], [weights], batch_size=3, seed=0)
    assert sorted(batches.rows(0)) == [0, 1, 3]


def test_boxes_are_padded_to_a_step() -> None:
    samples = make_samples([[1, 2, IGNORE], [3]])
    batch = Batches([samples], [np.ones(2)], batch_size=2, seed=0).batch(0)
    assert batch.boxes.shape == (2, BOX_STEP, 4)
    by_image = {int(i[0, 0, 0]): row.tolist() for i, row in zip(*batch[::2], strict=True)}
    assert by_image[0] == [1, 2, IGNORE] + [PADDING] * 5
    assert by_image[1] == [3] + [PADDING] * 7


def test_images_come_from_their_own_set() -> None:
    sets = [make_samples([[1]] * 3, "a"), make_samples([[2]] * 3, "b")]
    batch = Batches(sets, [np.ones(3)] * 2, batch_size=6, seed=0).batch(0)
    assert sorted(batch.labels[:, 0].tolist()) == [1, 1, 1, 2, 2, 2]


def test_more_boxes_than_the_fixed_padding_are_refused() -> None:
    batches = Batches([make_samples([[1, 1, 1]])], [np.ones(1)], 1, 0, max_boxes=2)
    with pytest.raises(ConfigError, match="expected at least 3 for this data, got 2"):
        batches.batch(0)


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(DataError, match="at least one usable image"):
        Batches([make_samples([[1]])], [np.zeros(1)], 1, 0)


def test_box_counts_leave_out_ignore_regions() -> None:
    assert box_counts(make_samples([[1, 1, IGNORE], [3]])).tolist() == [2, 0, 1]
