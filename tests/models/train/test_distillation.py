"""Distillation: the student learns what the teacher says of its RoIs, and nothing else of it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models.checkpoint import read_checkpoint, save_checkpoint
from models.thundernet.criterion import Judgement, RoiTargets
from models.thundernet.roi_head import RoiOutput
from models.train.command import EXIT_REFUSED, main
from models.train.data import load_training_data
from models.train.distillation import Distillation, DistillationConfig, divergence, load_teacher
from models.train.recipe import Recipe, load_recipe
from models.train.trainer import Trainer
from tests.models import recipes
from tests.models.random_network import make_network
from tests.models.recipes import ITERATIONS
from tests.models.tiny_street11 import write_split
from tests.models.train.steps import train_to
from tests.models.training_process import assert_same_state

pytestmark = pytest.mark.torch


def write_teacher(path: Path, **fields: Any) -> Path:
    model = make_network(3, input_size=64, **fields)
    config = {"input_size": 64} | fields
    save_checkpoint(path, {"ema": model.state_dict(), "meta": {"model": config}})
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_split(tmp_path / "data", "train", 6)
    write_split(tmp_path / "data", "val", 2, seed=1)
    write_teacher(tmp_path / "teacher.pt", backbone="snet146")
    return tmp_path


def write_recipe(folder: Path, **changes: Any) -> Path:
    distillation = {"teacher": str(folder / "teacher.pt")} | changes.pop("distillation", {})
    return recipes.write_recipe(folder, distillation=distillation, **changes)


def read(folder: Path, **changes: Any) -> Recipe:
    return load_recipe(write_recipe(folder, **changes))


def test_divergence_is_that_of_softened_classes() -> None:
    generator = torch.Generator().manual_seed(1)
    student, teacher = torch.randn(2, 3, 5, 12, generator=generator).mul(4)
    given, expected = (
        np.exp(logits.double().numpy() / 2) / np.exp(logits.double().numpy() / 2).sum(-1)[..., None]
        for logits in (student, teacher)
    )
    reference = (expected * np.log(expected / given)).sum(-1)
    found = divergence(student, teacher, 2.0)
    assert np.abs(found.numpy() - reference).max() < 1e-5
    assert divergence(teacher, teacher, 2.0).abs().max() < 1e-6


def judged(logits: torch.Tensor, boxes: torch.Tensor, valid: torch.Tensor) -> Judgement:
    nothing = torch.zeros(valid.shape, dtype=torch.long)
    rois = RoiTargets(boxes, nothing, boxes, valid)
    return Judgement({}, rois, RoiOutput(logits, boxes, torch.zeros(*valid.shape, 4)))


@pytest.mark.parametrize(("temperature", "weight"), [(1.0, 1.0), (3.0, 0.5)])
def test_the_loss_is_the_mean_over_rois_that_count(
    folder: Path, temperature: float, weight: float
) -> None:
    config = DistillationConfig(
        teacher=str(folder / "teacher.pt"), temperature=temperature, weight=weight
    )
    teacher = make_network(3, input_size=64, backbone="snet146")
    distillation = Distillation(config, load_teacher(config, teacher.config.labels))
    generator = torch.Generator().manual_seed(2)
    images = torch.rand(2, 3, 64, 64, generator=generator) * 255
    corners = torch.rand(2, 7, 2, generator=generator) * 30
    boxes = torch.cat((corners, corners + 20), dim=2)
    logits = torch.randn(2, 7, 12, generator=generator)
    valid = torch.rand(2, 7, generator=generator) < 0.6
    with torch.no_grad():
        features = teacher(teacher.normalize(images)).features
        said = teacher.classify(features, boxes).class_logits
    found = distillation.loss(judged(logits, boxes, valid), distillation.look(images))
    each = divergence(logits, said, temperature)
    assert found.item() == pytest.approx(
        weight * temperature**2 * each[valid].mean().item(), rel=1e-4
    )


def test_resumed_run_equals_an_uninterrupted_one(folder: Path) -> None:
    recipe = read(folder)
    whole, first, second = (Trainer(recipe) for _ in range(3))
    train_to(whole, recipe, ITERATIONS)
    train_to(first, recipe, 3)
    save_checkpoint(folder / "half.pt", first.state())
    second.restore(read_checkpoint(folder / "half.pt"))
    train_to(second, recipe, ITERATIONS)
    assert_same_state(second.state(), whole.state())


def test_it_moves_what_classes_are_made_from_and_no_teacher(folder: Path) -> None:
    """With every loss of labels at weight 0, the teacher alone gives a gradient."""
    weights = ("objectness", "anchor_box", "roi_class", "roi_box")
    criterion = {f"{name}_weight": 0.0 for name in weights} | {"rois_per_image": 16}
    recipe = read(folder, criterion=criterion, optimizer={"name": "adamw", "weight_decay": 0.0})
    trainer = Trainer(recipe)
    assert trainer.distillation
    fresh, taught = (
        {name: value.clone() for name, value in model.state_dict().items()}
        for model in (trainer.model, trainer.distillation.teacher)
    )
    train_to(trainer, recipe, 2)
    moved = {n for n, v in trainer.model.named_parameters() if not fresh[n].equal(v)}
    assert {name.split(".")[0] for name in moved} == {
        "backbone", "context", "rpn", "sam", "roi_head",
    }  # fmt: skip
    assert not any(name.startswith(("roi_head.box", "rpn.box")) for name in moved)
    assert_same_state(trainer.distillation.teacher.state_dict(), taught)


def test_a_student_nears_its_teacher(folder: Path) -> None:
    steps, optimizer = 40, {"name": "adamw", "lr": 1e-3}
    recipe = read(folder, iterations=steps, augment={"zoom": [1.0, 1.0]}, optimizer=optimizer)
    trainer, data = Trainer(recipe), load_training_data(recipe)
    found = [trainer.step(data.batches)["distillation"].item() for _ in range(steps)]
    assert np.mean(found[-5:]) < np.mean(found[:5]) / 2


def test_log_and_checkpoint_have_the_loss_and_no_teacher(folder: Path) -> None:
    out = folder / "run"
    assert main([str(write_recipe(folder)), "--out", str(out)]) == 0
    header, first, *_ = (out / "train.csv").read_text().splitlines()
    row = dict(zip(header.split(","), map(float, first.split(",")), strict=True))
    assert row["loss/distillation"] > 0
    assert row["loss"] == pytest.approx(sum(v for k, v in row.items() if k.startswith("loss/")))
    state = read_checkpoint(out / "last.pt")
    assert not [name for name in state if "distil" in name or "teacher" in name]
    assert state["meta"]["recipe"]["distillation"]["teacher"] == str(folder / "teacher.pt")


def test_the_teacher_sees_by_day_what_the_step_sees_by_night(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = read(folder, augment={"grey": 1.0, "low_light": 1.0})
    trainer, data = Trainer(recipe), load_training_data(recipe)
    seen: dict[str, torch.Tensor] = {}
    look, normalized = Distillation.look, Trainer.normalized

    def watch_look(distillation: Distillation, images: torch.Tensor) -> torch.Tensor:
        seen["day"] = images
        return look(distillation, images)

    def watch_normalized(trainer: Trainer, images: torch.Tensor) -> torch.Tensor:
        seen["night"] = images
        return normalized(trainer, images)

    monkeypatch.setattr(Distillation, "look", watch_look)
    monkeypatch.setattr(Trainer, "normalized", watch_normalized)
    trainer.step(data.batches)
    day, night = seen["day"], seen["night"]
    assert torch.equal(night, night[:, :1].expand_as(night))
    assert not torch.equal(day, day[:, :1].expand_as(day))
    assert (night.mean(dim=(1, 2, 3)) < day.mean(dim=(1, 2, 3))).all()


@pytest.mark.parametrize(
    ("distillation", "message"),
    [
        ({"teacher": "absent.pt"}, "distillation.teacher: absent.pt: No such file or directory"),
        ({"teacher": "tiny.yaml"}, "distillation.teacher: checkpoint tiny.yaml: not readable"),
        ({"teacher": "cats.pt"}, "cats.pt: expected the classes person, bicycle, car"),
        ({"temperature": 0}, "distillation.temperature: expected more than 0, got 0.0"),
        ({"weight": -1}, "distillation.weight: expected more than 0, got -1.0"),
    ],
)
def test_what_cannot_teach_ends_with_one_line(
    folder: Path,
    distillation: dict[str, Any],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folder)
    write_teacher(folder / "cats.pt", labels=("cat", "dog"))
    recipe = write_recipe(folder, distillation=distillation)
    assert main([str(recipe), "--out", str(folder / "run")]) == EXIT_REFUSED
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
