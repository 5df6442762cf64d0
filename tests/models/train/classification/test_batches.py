from pathlib import Path

import pytest
import torch

from models.thundernet.distributed import Share
from models.train.classification.batches import UNREADABLE
from models.train.classification.data import load_classification_data
from models.train.command import EXIT_REFUSED, main
from tests.models.train.classification.recipes import collect, read, write_recipe

pytestmark = pytest.mark.torch


def test_batches_follow_from_seed_and_iteration(folder: Path) -> None:
    recipe = read(folder)
    whole = collect(recipe, range(6))
    late = collect(recipe, range(3, 6))
    assert torch.equal(whole[0][24:], late[0])
    assert torch.equal(whole[1][24:], late[1])
    other = collect(read(folder, seed=1), range(6))
    assert not torch.equal(whole[0], other[0])


def test_a_pass_shows_every_image_once(folder: Path) -> None:
    data = load_classification_data(read(folder, batch_size=7))
    rows = [row for iteration in range(3) for row in data.batches.rows(iteration)]
    data.close()
    assert sorted(rows) == list(range(21))


def test_shares_of_processes_make_up_the_batch(folder: Path) -> None:
    recipe = read(folder)
    whole = collect(recipe, range(1))
    parts = []
    for rank in range(2):
        data = load_classification_data(recipe)
        data.batches.share = Share(rank, 2)
        parts.append(data.batches.batch(0))
        data.close()
    assert torch.equal(torch.cat([part.images for part in parts]), whole[0])
    assert torch.equal(torch.cat([part.labels for part in parts]), whole[1])


def test_unreadable_images_are_named_once_and_left_out(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "images/train/disc/003.jpg").write_bytes(b"no image")
    (folder / "images/val/bars/001.jpg").write_bytes(b"")
    assert main([str(write_recipe(folder)), "--out", str(folder / "run")]) == 0
    error = capsys.readouterr().err
    assert error.count("data: image unreadable, left out: train/disc/003.jpg") == 1
    assert error.count("data: image unreadable, left out: val/bars/001.jpg") == 1
    assert error.count("data: images unreadable, left out: 1") == 2
    _, labels = collect(read(folder), range(6))
    assert (labels == UNREADABLE).sum() >= 2  # 48 images, drawn from 21


def test_a_batch_that_cannot_be_read_ends_the_run(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (folder / "images/train").rglob("*.jpg"):
        path.write_bytes(b"no image")
    assert main([str(write_recipe(folder)), "--out", str(folder / "run")]) == EXIT_REFUSED
    assert "iteration 0: expected images, but none of 8 can be read" in capsys.readouterr().err
