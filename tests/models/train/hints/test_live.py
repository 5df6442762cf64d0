"""Hints beside labels: the teacher sees what the step sees, and runs go on exactly."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models.checkpoint import read_checkpoint, save_checkpoint
from models.thundernet.distributed import Share
from models.train.command import EXIT_REFUSED, main
from models.train.data import load_training_data
from models.train.hints.live import Held, LiveHints
from models.train.hints.regions import Regions, means_inside
from models.train.hints.teacher_config import Hint, LiveTeacherConfig
from models.train.recipe import Recipe, load_recipe
from models.train.trainer import Trainer
from tests.models import recipes
from tests.models.recipes import ITERATIONS
from tests.models.train.hints.recipes import write_data
from tests.models.train.hints.teachers import CHANNELS, mean_colours, write_onnx_teacher
from tests.models.train.steps import train_to
from tests.models.training_process import assert_same_state

pytestmark = pytest.mark.torch

HINTS = (
    {"of": "context", "tensor": "seen", "channels": CHANNELS},
    {"of": "context", "tensor": "cells", "channels": 3, "weight": 0.5},
    {"of": "rois", "tensor": "seen", "channels": CHANNELS, "weight": 0.5},
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_data(tmp_path)
    write_onnx_teacher(tmp_path / "teacher.onnx")
    return tmp_path


def write_recipe(folder: Path, **changes: Any) -> Path:
    teacher = {"file": str(folder / "teacher.onnx"), "hints": HINTS, "fit_every": 2}
    teacher |= {"fit_batches": 2} | changes.pop("teacher", {})
    return recipes.write_recipe(folder, teacher=teacher, **changes)


def read(folder: Path, **changes: Any) -> Recipe:
    return load_recipe(write_recipe(folder, **changes))


def live(folder: Path, *hints: Hint) -> LiveHints:
    config = LiveTeacherConfig(
        file=str(folder / "teacher.onnx"), hints=hints,
        pixel_mean=(0.0, 0.0, 0.0), pixel_std=(1.0, 1.0, 1.0),
    )  # fmt: skip
    return LiveHints(config, {"context": 4, "rois": 6}, threads=1)


def test_resumed_run_equals_an_uninterrupted_one(folder: Path) -> None:
    """Adapters of a fit before the stop, and the channels known from the first one, come along."""
    recipe = read(folder, optimizer={"name": "muon"})
    whole, first, second = (Trainer(recipe) for _ in range(3))
    train_to(whole, recipe, ITERATIONS)
    train_to(first, recipe, 3)
    save_checkpoint(folder / "half.pt", first.state())
    second.restore(read_checkpoint(folder / "half.pt"))
    train_to(second, recipe, ITERATIONS)
    assert_same_state(second.state(), whole.state())


def test_the_log_has_both_kinds_of_losses(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder / "run"
    assert main([str(write_recipe(folder)), "--out", str(out)]) == 0
    header, first, *_ = (out / "train.csv").read_text().splitlines()
    row = dict(zip(header.split(","), map(float, first.split(",")), strict=True))
    parts = ["roi_class", "rpn_box", "context-seen", "context-cells", "rois-seen"]
    assert all(row[f"loss/{name}"] > 0 for name in parts)
    assert row["loss"] == pytest.approx(sum(v for k, v in row.items() if k.startswith("loss/")))
    assert "iteration 2: adapters explain context-seen " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        (HINTS[0], {"backbone", "context"}),
        (HINTS[2], {"backbone", "context", "rpn", "sam", "roi_head"}),  # SAM looks at the RPN
    ],
    ids=["context", "rois"],
)
def test_hints_move_all_that_they_are_read_from(
    folder: Path, hint: dict[str, Any], expected: set[str]
) -> None:
    """With every loss of labels at weight 0, hints alone give a gradient."""
    weights = ("objectness", "anchor_box", "roi_class", "roi_box")
    criterion = {f"{name}_weight": 0.0 for name in weights} | {"rois_per_image": 16}
    optimizer = {"name": "adamw", "weight_decay": 0.0}
    recipe = read(folder, criterion=criterion, optimizer=optimizer, teacher={"hints": [hint]})
    trainer = Trainer(recipe)
    fresh = {name: value.clone() for name, value in trainer.model.named_parameters()}
    train_to(trainer, recipe, 1)
    moved = {
        name.split(".")[0]
        for name, value in trainer.model.named_parameters()
        if not fresh[name].equal(value)
    }
    assert moved == expected


def test_adapters_of_rois_read_what_the_head_was_built_to_hold(folder: Path) -> None:
    """A head that holds the mean colour inside each RoI: the hint is explained to the last part."""
    hints = live(folder, Hint(of="rois", tensor="cells", channels=3))
    generator = torch.Generator().manual_seed(3)
    held: list[Held] = []
    looks: list[list[torch.Tensor]] = []
    for _ in range(2):
        images = torch.rand(4, 3, 64, 64, generator=generator) * 255
        corner, sides = torch.rand(2, 4, 9, 2, generator=generator) / 2
        boxes = torch.cat((corner, corner + sides), dim=2)
        look = hints.look(images)
        hidden = means_inside(look[0], boxes) @ torch.randn(3, 6, generator=generator)
        valid = torch.rand(4, 9, generator=generator) < 0.8
        hidden[~valid] = 1e4  # an RoI that does not count
        held.append(Held(torch.zeros(4, 4, 4, 4), Regions(boxes, valid, hidden)))
        looks.append(look)
        generator.manual_seed(3)  # the same mixing of colours in both batches
    (explained,) = hints.fit(held, looks)
    assert explained > 0.95
    (loss,) = hints(held[0], hints.standardise(looks[0])).values()
    assert 0 < loss < 0.05


def test_the_teacher_sees_by_day_what_the_step_sees_by_night(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = read(folder, augment={"grey": 1.0, "low_light": 1.0})
    trainer, data = Trainer(recipe), load_training_data(recipe)
    taught: list[torch.Tensor] = []
    learned: list[torch.Tensor] = []
    look, normalized = LiveHints.look, Trainer.normalized

    def watch_look(hints: LiveHints, images: torch.Tensor) -> list[torch.Tensor]:
        taught.append(images)
        return look(hints, images)

    def watch_normalized(trainer: Trainer, images: torch.Tensor) -> torch.Tensor:
        learned.append(images)
        return normalized(trainer, images)

    monkeypatch.setattr(LiveHints, "look", watch_look)
    monkeypatch.setattr(Trainer, "normalized", watch_normalized)
    trainer.step(data.batches)
    assert len(taught) == len(learned) == 3  # adapters are fitted on two batches before
    for day, night in zip(taught, learned, strict=True):
        assert torch.equal(night, night[:, :1].expand_as(night))
        assert not torch.equal(day, day[:, :1].expand_as(day))
        assert (night.mean(dim=(1, 2, 3)) < day.mean(dim=(1, 2, 3))).all()
    # The step's own images, after the fit, are those of its iteration.
    assert torch.equal(taught[2], taught[0])


def test_a_batch_is_told_in_deviations_of_its_channels(folder: Path) -> None:
    hints = live(folder, Hint(of="context", tensor="cells", channels=3))
    images = torch.rand(4, 3, 64, 64) * 255
    (found,) = hints.look(images)
    expected = np.stack([mean_colours(image) for image in images.numpy()])
    assert np.abs(found.numpy() - expected).max() < 1e-3
    assert not hints.is_described
    hints.describe([[found[:2]], [found[2:]]])
    (standard,) = hints.standardise([found])
    assert standard.mean(dim=(0, 2, 3)).abs().max() < 1e-4
    assert (standard.std(dim=(0, 2, 3)) - 1).abs().max() < 0.01


def test_a_channel_that_says_nothing_stays_finite(folder: Path) -> None:
    hints = live(folder, Hint(of="context", tensor="cells", channels=3))
    images = torch.rand(2, 3, 64, 64) * 255
    images[:, 1] = 7.0
    found = hints.look(images)
    hints.describe([found])
    (standard,) = hints.standardise(found)
    assert standard.isfinite().all()
    assert standard[:, 1].abs().max() < 1


@pytest.mark.parametrize(
    ("teacher", "message"),
    [
        ({"file": "absent.onnx"}, "teacher.file: absent.onnx: no such file"),
        ({"hints": [{**HINTS[0], "of": "c5"}]}, "of context or rois, beside labels, got c5"),
        ({"hints": [{**HINTS[0], "channels": 4}]}, "expected finite maps of 4 channels"),
        ({"fit_batches": 0}, "expected fit_every and fit_batches of at least 1, got 2 and 0"),
        ({"hints": []}, "teacher.hints: expected at least one"),
    ],
)
def test_what_cannot_teach_ends_with_one_line(
    folder: Path, teacher: dict[str, Any], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = write_recipe(folder, teacher=teacher)
    assert main([str(recipe), "--out", str(folder / "run")]) == EXIT_REFUSED
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_several_processes_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("models.train.trainer.own_share", lambda: Share(0, 2))
    assert main([str(write_recipe(folder)), "--out", str(folder / "run")]) == EXIT_REFUSED
    assert "teacher: expected none with several processes, got one" in capsys.readouterr().err
