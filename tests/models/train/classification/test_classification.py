"""Training a classifier: batches, continuation, what it learns, and where its weights go."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from torch import Tensor

from models.checkpoint import CheckpointError, load_checkpoint, read_checkpoint, save_checkpoint
from models.data.report import DataError
from models.distributed import Share
from models.errors import ConfigError
from models.train.classification.augment import augment
from models.train.classification.batches import UNREADABLE
from models.train.classification.data import ClassificationData, load_classification_data
from models.train.classification.recipe import ClassificationRecipe, CropConfig
from models.train.classification.trainer import ClassifierTrainer, ClassLoss
from models.train.classification.validation import count_right, validate
from models.train.command import EXIT_REFUSED, main
from models.train.task import read_recipe
from tests.models.tiny_imagenet import CLASSES, write_imagenet
from tests.models.training_process import assert_same_state

pytestmark = pytest.mark.torch


def write_recipe(folder: Path, **changes: Any) -> Path:
    recipe = {
        "task": "classification",
        "iterations": 6,
        "batch_size": 8,
        "model": {"backbone": "snet49", "input_size": 64, "num_classes": len(CLASSES)},
        "data": {"folder": str(folder / "images"), "workers": 2} | changes.pop("data", {}),
        "augment": {"area": [0.5, 1.0]},
        "optimizer": {"name": "sgd", "lr": 0.05, "weight_decay": 4e-5, "clip_norm": None},
        "schedule": {"kind": "linear", "warmup": 3, "final": 0.0},
        "ema_decay": 0.9,
        "threads": 1,
        "log_every": 1,
        "validate_every": 6,
    }
    path = folder / "recipe.yaml"
    path.write_bytes(msgspec.yaml.encode(recipe | changes))
    return path


def read(folder: Path, **changes: Any) -> ClassificationRecipe:
    recipe = read_recipe(write_recipe(folder, **changes))
    assert isinstance(recipe, ClassificationRecipe)
    return recipe


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_imagenet(tmp_path / "images", train=7, val=2)
    return tmp_path


def collect(recipe: ClassificationRecipe, iterations: range) -> tuple[Tensor, Tensor]:
    data = load_classification_data(recipe)
    batches = [data.batches.batch(iteration) for iteration in iterations]
    data.close()
    images, labels = (torch.cat(parts) for parts in zip(*batches, strict=True))
    return images, labels


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


def test_an_unreadable_image_changes_no_loss() -> None:
    loss, logits = ClassLoss(smoothing=0.1), torch.tensor([[2.0, 0.5], [0.3, 1.0], [9.0, -9.0]])
    readable = loss(logits[:2], torch.tensor([0, 1]))
    assert loss(logits, torch.tensor([0, 1, UNREADABLE])) == pytest.approx(readable.item())
    assert loss(logits, torch.full((3,), UNREADABLE)) == 0


def test_a_batch_that_cannot_be_read_ends_the_run(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (folder / "images/train").rglob("*.jpg"):
        path.write_bytes(b"no image")
    assert main([str(write_recipe(folder)), "--out", str(folder / "run")]) == EXIT_REFUSED
    assert "iteration 0: expected images, but none of 8 can be read" in capsys.readouterr().err


def test_a_cache_gives_nearly_the_crops_of_the_files(folder: Path) -> None:
    files = collect(read(folder), range(3))
    cache = {"cache": str(folder / "cache"), "cache_size": 96}
    cached = collect(read(folder, data=cache), range(3))
    assert torch.equal(files[1], cached[1])
    difference = (files[0].float() - cached[0].float()).abs().mean()
    assert difference < 6  # warped and scaled once more; another crop differs by tens
    for path in (folder / "images/train").rglob("*.jpg"):
        path.write_bytes(path.read_bytes()[:-1] + b"?")  # same size: not read again
    again = collect(read(folder, data=cache), range(3))
    assert torch.equal(cached[0], again[0])


def test_a_link_to_nowhere_is_left_out_of_the_cache(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "images/train/bars/900.jpg").symlink_to(folder / "nowhere.jpg")
    cache = {"cache": str(folder / "cache"), "cache_size": 32}
    _, labels = collect(read(folder, data=cache), range(3))  # more than one pass of 22
    assert (labels == UNREADABLE).any()
    assert "data: image unreadable, left out: train/bars/900.jpg" in capsys.readouterr().err


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


def test_count_right_counts_first_and_first_five() -> None:
    logits = torch.arange(14.0).view(2, 7)  # the last class is the best guess for both
    assert count_right(logits, torch.tensor([6, 2])).tolist() == [1, 2]
    assert count_right(logits, torch.tensor([1, 1])).tolist() == [0, 0]


def test_validation_counts_readable_images_alone(folder: Path) -> None:
    (folder / "images/val/disc/000.jpg").unlink()
    (folder / "images/val/disc/000.jpg").mkdir()  # cannot be read as a file
    recipe = read(folder)
    data: ClassificationData = load_classification_data(recipe)
    model = ClassifierTrainer(recipe).model
    torch.nn.init.zeros_(model.classify.weight)
    with torch.no_grad():
        model.classify.bias.copy_(torch.tensor([0.0, 1.0, 0.0]))  # everything is a disc
    scores = validate(model, data.val)
    data.close()
    assert scores == pytest.approx({"top1": 20.0, "top5": 100.0})  # one of five


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


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "segmentation"}, r"Invalid enum value 'segmentation' - at `\$.task`"),
        ({"labels": []}, "unknown field `labels`"),
        ({"label_smoothing": 1.0}, "label_smoothing: expected 0 up to below 1, got 1.0"),
        ({"augment": {"area": [0.0, 1.0]}}, r"augment.area: expected 0 < low <= high <= 1"),
        ({"augment": {"jitter": 2.0}}, r"augment.jitter: expected 0 to 1, got 2.0"),
        ({"data": {"workers": 0}}, r"data.workers: expected at least 1, got 0"),
        ({"model": {"backbone": "snet50"}}, r"\$.model.backbone"),
        ({"model": {"backbone": "snet49", "input_size": 200}}, "multiple of 32 from 64 up"),
    ],
)
def test_bad_recipes_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_recipe(write_recipe(tmp_path, **changes))


def test_a_number_of_classes_that_the_folder_lacks_is_refused(folder: Path) -> None:
    model = {"backbone": "snet49", "input_size": 64, "num_classes": 1000}
    with pytest.raises(DataError, match=r"expected 1000 class folders.*found 3"):
        load_classification_data(read(folder, model=model))


@pytest.mark.parametrize("backbone", ["snet49", "snet146", "snet535"])
def test_shipped_recipes_are_shufflenets(backbone: str, repository: Path) -> None:
    recipe = read_recipe(repository / f"configs/train/{backbone}_imagenet.yaml")
    assert isinstance(recipe, ClassificationRecipe)
    assert recipe.model.backbone == backbone
    assert (recipe.iterations, recipe.batch_size) == (300_000, 512)
    optimizer, schedule = recipe.optimizer, recipe.schedule
    assert (optimizer.name, optimizer.lr, optimizer.weight_decay) == ("sgd", 0.5, 4e-5)
    assert (schedule.kind, schedule.final, recipe.label_smoothing) == ("linear", 0.0, 0.1)
