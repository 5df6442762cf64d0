"""Training runs: exact continuation, interruption, refusals, and that it learns."""

import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from models.checkpoint import CheckpointError, read_checkpoint, save_checkpoint
from models.command import EXIT_INTERRUPTED
from models.sole_writer import holding
from models.train import command as train
from models.train.command import EXIT_REFUSED, main
from models.train.recipe import load_recipe
from models.train.trainer import Trainer
from tests.models.recipes import ITERATIONS, write_recipe
from tests.models.tiny_street11 import write_split
from tests.models.train.steps import train_to
from tests.models.training_process import assert_same_state, start_training, wait_for

pytestmark = pytest.mark.torch


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_split(tmp_path / "data", "train", 6)
    write_split(tmp_path / "data", "val", 2, seed=1)
    return tmp_path


@pytest.mark.parametrize(
    "optimizer", [{"name": "adamw"}, {"name": "muon"}, {"name": "sgd", "lr": 0.05}]
)
def test_resumed_run_equals_an_uninterrupted_one(folder: Path, optimizer: dict[str, Any]) -> None:
    recipe = load_recipe(write_recipe(folder, optimizer=optimizer))
    whole = Trainer(recipe)
    train_to(whole, recipe, ITERATIONS)

    first = Trainer(recipe)
    train_to(first, recipe, 3)
    save_checkpoint(folder / "half.pt", first.state())
    second = Trainer(recipe)
    second.restore(read_checkpoint(folder / "half.pt"))
    train_to(second, recipe, ITERATIONS)
    assert_same_state(second.state(), whole.state())


def test_a_phase_trains_with_its_own_zoom(folder: Path) -> None:
    def biases(**changes: Any) -> torch.Tensor:
        recipe = load_recipe(write_recipe(folder, **changes))
        trainer = Trainer(recipe)
        train_to(trainer, recipe, 1)
        bias = trainer.model.rpn.box.bias
        assert bias is not None
        return bias.detach()

    still, phase = {"zoom": [1.0, 1.0]}, {"size": 64, "until": 1.0}
    of_phase = biases(sizes=[phase | still])
    assert torch.equal(of_phase, biases(sizes=[phase], augment=still))
    assert not torch.equal(of_phase, biases(sizes=[phase]))


def test_killed_run_is_resumed_exactly(folder: Path) -> None:
    recipe = write_recipe(folder, checkpoint_seconds=0.0)  # after every iteration
    assert main([str(recipe), "--out", str(folder / "whole")]) == 0

    out = folder / "killed"
    process = start_training(recipe, out)
    wait_for(out / "last.pt", process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    reached = read_checkpoint(out / "last.pt")["meta"]["iteration"]
    assert 0 < reached <= ITERATIONS

    resume = [str(recipe), "--out", str(out), "--resume-from", str(out / "last.pt")]
    assert main(resume) == 0
    whole, resumed = (read_checkpoint(folder / run / "last.pt") for run in ("whole", "killed"))
    assert_same_state(resumed, whole)
    rows = (out / "train.csv").read_text().splitlines()
    assert len(rows) == 1 + ITERATIONS  # no iteration is logged twice


def test_interrupt_writes_a_checkpoint(folder: Path) -> None:
    recipe = write_recipe(folder, iterations=10_000, checkpoint_seconds=1.0)
    out = folder / "run"
    process = start_training(recipe, out)
    wait_for(out / "last.pt", process)
    (out / "last.pt").unlink()  # written by an earlier iteration; stopping writes another
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == EXIT_INTERRUPTED
    assert read_checkpoint(out / "last.pt")["meta"]["iteration"] < 10_000
    assert (out / "curves.png").exists()


def test_finished_run_leaves_log_checkpoint_and_scores(folder: Path) -> None:
    recipe = write_recipe(folder, iterations=2, validate_every=2)
    out = folder / "run"
    assert main([str(recipe), "--out", str(out)]) == 0
    names = {"train.csv", "val.csv", "last.pt", "curves.png"}
    assert {path.name for path in out.iterdir()} == names
    header = (out / "val.csv").read_text().splitlines()[0]
    assert header == "iteration,ap50,ap,ap50/left,ap50/right"


def test_length_may_change_on_resume_but_the_network_may_not(folder: Path) -> None:
    recipe = load_recipe(write_recipe(folder))
    state = Trainer(recipe).state()
    longer = load_recipe(write_recipe(folder, iterations=99))
    Trainer(longer).restore(state)
    del state["meta"]["recipe"]["model"]["rpn_kind"]  # an older schema's checkpoint
    Trainer(longer).restore(state)
    other = load_recipe(write_recipe(folder, model={"spatial_attention": False}))
    with pytest.raises(CheckpointError, match="differs from the checkpoint's in model"):
        Trainer(other).restore(state)


def test_averaged_weights_alone_are_no_run_to_continue(folder: Path) -> None:
    trainer = Trainer(load_recipe(write_recipe(folder)))
    shipped = {"ema": trainer.average.state, "meta": trainer.state()["meta"]}
    with pytest.raises(CheckpointError, match="without weights, criterion, optimizer"):
        trainer.restore(shipped)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batchsize": 3}, "unknown field `batchsize`"),
        ({"data": {"folder": "/nowhere"}}, "/nowhere/train.json: expected a COCO data set: "),
    ],
)
def test_unusable_input_ends_with_one_line(
    folder: Path, changes: dict[str, Any], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = write_recipe(folder, **changes)
    assert main([str(recipe), "--out", str(folder / "run")]) == EXIT_REFUSED
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_existing_run_is_not_overwritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe, out = write_recipe(folder), folder / "run"
    out.mkdir()
    (out / "last.pt").write_bytes(b"precious")
    assert main([str(recipe), "--out", str(out)]) == EXIT_REFUSED
    assert "pass --resume-from" in capsys.readouterr().err
    assert (out / "last.pt").read_bytes() == b"precious"


def test_a_folder_that_another_run_writes_is_left_to_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, out = write_recipe(folder), folder / "run"
    with holding(out):  # as a run does from its start, when no checkpoint is there yet
        assert main([str(recipe), "--out", str(out)]) == EXIT_REFUSED
        assert list(out.iterdir()) == []
    assert f"train: {out}: expected a folder of this run alone" in capsys.readouterr().err
    assert main([str(recipe), "--out", str(out)]) == 0


def test_loss_that_is_no_number_ends_the_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Trainer, "step", lambda *_: {"rpn_box": torch.tensor(float("nan"))})
    assert main([str(write_recipe(folder)), "--out", str(folder / "run")]) == EXIT_REFUSED
    assert "loss is nan; parts: {'rpn_box': nan}" in capsys.readouterr().err


def test_help_shows_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "--resume-from" in capsys.readouterr().out
    assert train.__doc__ is not None
