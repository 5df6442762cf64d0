"""Runs by a teacher's maps: that they learn, go on exactly, and what the detector takes of them."""

from pathlib import Path
from typing import Any

import pytest
import torch

from models.checkpoint import read_checkpoint, save_checkpoint
from models.thundernet.distributed import Share
from models.train.command import EXIT_REFUSED, main
from models.train.hints.data import HintBatch, load_hint_data
from models.train.hints.recipe import HintsRecipe
from models.train.hints.trainer import HintsTrainer
from tests.models import recipes
from tests.models.recipes import ITERATIONS
from tests.models.train.hints.recipes import HINTS, read, write_data, write_recipe
from tests.models.train.hints.teachers import write_onnx_teacher
from tests.models.training_process import assert_same_state

pytestmark = pytest.mark.torch

SHIPPED = Path(__file__).resolve().parents[4] / "models/zoo/thundernet-snet49-street11.pt"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_data(tmp_path)
    return tmp_path


def train_to(trainer: HintsTrainer, recipe: HintsRecipe, iteration: int) -> None:
    data = load_hint_data(recipe)
    while trainer.iteration < iteration:
        trainer.step(data.batches)


def test_resumed_run_equals_an_uninterrupted_one(folder: Path) -> None:
    recipe = read(folder, optimizer={"name": "muon"}, fit_every=2)
    whole, first, second = (HintsTrainer(recipe) for _ in range(3))
    train_to(whole, recipe, ITERATIONS)
    train_to(first, recipe, 3)
    save_checkpoint(folder / "half.pt", first.state())
    second.restore(read_checkpoint(folder / "half.pt"))
    train_to(second, recipe, ITERATIONS)
    assert_same_state(second.state(), whole.state())


def test_it_explains_what_it_has_not_seen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From trained weights: more than adapters find in them."""
    write_data(tmp_path, train=24, val=8)
    teacher = {"file": str(write_onnx_teacher(tmp_path / "teacher.onnx")), "size": 64}
    recipe = write_recipe(
        tmp_path,
        iterations=30,
        batch_size=8,
        views=96,
        held_out_views=8,
        teacher=teacher | {"hints": HINTS[:2]},  # C5 has too few cells here to fit an adapter
        optimizer={"name": "muon", "lr": 0.002},
        schedule={"warmup": 3},
        fit_every=6,
        augment={"zoom": [1.0, 1.0], "aspect": 0.0},
        initial_weights=str(SHIPPED),
        initial_part="network",
        validate_every=1,
    )
    out = tmp_path / "run"
    assert main([str(recipe), "--out", str(out)]) == 0
    assert "iteration 12: adapters explain context-seen " in capsys.readouterr().err
    names = {"train.csv", "val.csv", "last.pt", "curves.png"}
    assert {path.name for path in out.iterdir()} == names
    header, first, *_, last = (out / "val.csv").read_text().splitlines()
    assert header == "iteration,explained,explained/context-seen,explained/c4-cells"
    before, after = (float(row.split(",")[1]) for row in (first, last))
    assert after > before + 5


def test_the_student_sees_by_night(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = read(folder, augment={"grey": 1.0, "low_light": 1.0})
    trainer, data = HintsTrainer(recipe), load_hint_data(recipe)
    seen: list[HintBatch] = []
    look = HintsTrainer.look

    def watch(trainer: HintsTrainer, batch: HintBatch) -> Any:
        seen.append(batch)
        return look(trainer, batch)

    monkeypatch.setattr(HintsTrainer, "look", watch)
    trainer.step(data.batches)
    night, day = seen[-1].images, data.batches.batch(0).images  # after the fit of adapters
    assert torch.equal(night, night[:, :1].expand_as(night))
    assert not torch.equal(day, day[:, :1].expand_as(day))
    assert (night.mean(dim=(1, 2, 3)) < day.mean(dim=(1, 2, 3)) + 24).all()  # brightness, at most


def test_only_backbone_and_context_learn(folder: Path) -> None:
    recipe = read(folder)
    trainer = HintsTrainer(recipe)
    fresh = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    train_to(trainer, recipe, 2)
    now = trainer.model.state_dict()
    moved = {name.split(".")[0] for name, value in fresh.items() if not now[name].equal(value)}
    assert moved == {"backbone", "context"}  # and never RPN, SAM or RoI head


def test_a_detector_starts_with_what_was_learned(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder / "hints"
    assert main([str(write_recipe(folder)), "--out", str(out)]) == 0
    learned = read_checkpoint(out / "last.pt")
    recipe = recipes.write_recipe(
        folder,
        iterations=1,
        optimizer={"name": "adamw", "lr": 0.0},
        initial_weights=str(out / "last.pt"),
        initial_part="network",
    )
    assert main([str(recipe), "--out", str(folder / "run")]) == 0
    assert "tensors of the network from" in capsys.readouterr().err
    state = read_checkpoint(folder / "run" / "last.pt")
    assert state["meta"]["images"] == 2 * ITERATIONS + 2
    conv = "backbone.conv1.0.weight"
    assert state["weights"][conv].equal(learned["ema"][conv])


def test_a_run_goes_on_from_other_weights(folder: Path) -> None:
    first = folder / "first"
    assert main([str(write_recipe(folder)), "--out", str(first)]) == 0
    changes: dict[str, Any] = {"initial_weights": str(first / "last.pt"), "initial_part": "network"}
    trainer = HintsTrainer(read(folder, seed=1, **changes))
    trainer.begin()
    expected = read_checkpoint(first / "last.pt")["ema"]
    assert_same_state(trainer.model.state_dict(), expected)
    assert trainer.state()["meta"]["images"] == 2 * ITERATIONS


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"file": "absent.onnx"}, "teacher.file: absent.onnx: no such file"),
        ({"hints": [{**HINTS[0], "tensor": "absent"}]}, "no tensor absent"),
        ({"hints": [{**HINTS[0], "channels": 4}]}, "expected finite maps of 4 channels"),
    ],
)
def test_unusable_teachers_end_with_one_line(
    folder: Path, changes: dict[str, Any], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    teacher = {"file": str(folder / "teacher.onnx"), "size": 64, "hints": HINTS} | changes
    recipe = write_recipe(folder, teacher=teacher)
    assert main([str(recipe), "--out", str(folder / "run")]) == EXIT_REFUSED
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_several_processes_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("models.train.hints.trainer.own_share", lambda: Share(0, 2))
    assert main([str(write_recipe(folder)), "--out", str(folder / "run")]) == EXIT_REFUSED
    assert "hints: expected one process, got 2" in capsys.readouterr().err
