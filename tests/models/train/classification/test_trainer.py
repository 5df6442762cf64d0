from pathlib import Path

import pytest
import torch

from models.checkpoint import CheckpointError, load_checkpoint, read_checkpoint, save_checkpoint
from models.train.classification.batches import UNREADABLE
from models.train.classification.data import load_classification_data
from models.train.classification.trainer import ClassifierTrainer, ClassLoss
from models.train.command import main
from tests.models.tiny_imagenet import write_imagenet
from tests.models.train.classification.recipes import read, write_recipe
from tests.models.training_process import assert_same_state

pytestmark = pytest.mark.torch


def test_an_unreadable_image_changes_no_loss() -> None:
    loss, logits = ClassLoss(smoothing=0.1), torch.tensor([[2.0, 0.5], [0.3, 1.0], [9.0, -9.0]])
    readable = loss(logits[:2], torch.tensor([0, 1]))
    assert loss(logits, torch.tensor([0, 1, UNREADABLE])) == pytest.approx(readable.item())
    assert loss(logits, torch.full((3,), UNREADABLE)) == 0


def test_resumed_run_equals_an_uninterrupted_one(folder: Path) -> None:
    recipe = read(folder)

    def train_to(trainer: ClassifierTrainer, iteration: int) -> None:
        data = load_classification_data(recipe)
        while trainer.iteration < iteration:
            trainer.step(data.batches)
        data.close()

    whole, first, second = (ClassifierTrainer(recipe) for _ in range(3))
    train_to(whole, 6)
    train_to(first, 2)
    save_checkpoint(folder / "half.pt", first.state())
    second.restore(read_checkpoint(folder / "half.pt"))
    train_to(second, 6)
    assert_same_state(second.state(), whole.state())


def test_it_learns_shapes(tmp_path: Path) -> None:
    """A minute where cores are few."""
    write_imagenet(tmp_path / "images", train=30, val=10)
    recipe = write_recipe(tmp_path, iterations=60, batch_size=24, validate_every=60)
    out = tmp_path / "run"
    assert main([str(recipe), "--out", str(out)]) == 0
    names = {"train.csv", "val.csv", "last.pt", "curves.png"}
    assert {path.name for path in out.iterdir()} == names
    header, row = (out / "val.csv").read_text().splitlines()
    assert header == "iteration,top1,top5"
    _, top1, top5 = map(float, row.split(","))
    assert top1 > 70  # by chance 33
    assert top5 == 100
    with pytest.raises(CheckpointError, match=r"last.pt: expected a detector's: .*num_classes"):
        load_checkpoint(out / "last.pt")
