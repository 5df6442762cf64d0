"""Runs that torchrun starts: one log, one checkpoint, and refusals before data is read."""

import signal
from pathlib import Path

import pytest
import torch

from models.checkpoint import read_checkpoint
from models.errors import ConfigError
from models.thundernet.distributed import Share
from models.train import trainer
from models.train.command import EXIT_REFUSED, main
from models.train.process_group import Agreement, choose_device
from models.train.recipe import load_recipe
from tests.models.recipes import ITERATIONS, write_recipe
from tests.models.tiny_street11 import write_split
from tests.models.training_process import assert_same_state, start_training, wait_for

pytestmark = pytest.mark.torch


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_split(tmp_path / "data", "train", 6)
    write_split(tmp_path / "data", "val", 2, seed=1)
    return tmp_path


def test_the_first_process_writes_what_all_have_trained(folder: Path) -> None:
    (folder / "data" / "train-01.tar").write_bytes(b"damaged")
    out = folder / "run"
    process = start_training(write_recipe(folder, iterations=2, validate_every=2), out, processes=2)
    error = process.communicate()[1]
    assert process.returncode == 0, error
    names = {"train.csv", "val.csv", "last.pt", "curves.png"}
    assert {path.name for path in out.iterdir()} == names
    assert len((out / "train.csv").read_text().splitlines()) == 3
    assert len((out / "val.csv").read_text().splitlines()) == 2
    assert read_checkpoint(out / "last.pt")["meta"]["images"] == 4
    assert error.count("data: damaged shard") == 1
    assert error.count("-train at 64: 100%") == 1


@pytest.mark.slow
def test_a_stopped_run_goes_on_exactly(folder: Path) -> None:
    """Minutes where cores are few: torchrun starts three times, with two processes each."""
    recipe = write_recipe(folder, checkpoint_seconds=0.0)  # after every iteration
    whole, stopped = folder / "whole", folder / "stopped"
    process = start_training(recipe, whole, processes=2)
    error = process.communicate()[1]
    assert process.returncode == 0, error

    process = start_training(recipe, stopped, processes=2)
    wait_for(stopped / "last.pt", process)
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert 0 < read_checkpoint(stopped / "last.pt")["meta"]["iteration"] <= ITERATIONS

    process = start_training(
        recipe, stopped, "--resume-from", str(stopped / "last.pt"), processes=2
    )
    error = process.communicate()[1]
    assert process.returncode == 0, error
    stopped_state, whole_state = (read_checkpoint(run / "last.pt") for run in (stopped, whole))
    assert_same_state(stopped_state, whole_state)


@pytest.mark.parametrize(
    ("here", "message"),
    [
        ("3", "batch_size: expected a multiple of the 3 processes, got 2"),
        ("1", "expected all 3 processes on one machine, got 1 on this one"),
    ],
)
def test_processes_that_cannot_share_are_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    here: str,
    message: str,
) -> None:
    for name, value in {"WORLD_SIZE": "3", "LOCAL_WORLD_SIZE": here, "RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    recipe = write_recipe(tmp_path)  # there is no data: it is not looked for
    assert main([str(recipe), "--out", str(tmp_path / "run")]) == EXIT_REFUSED
    error = capsys.readouterr().err
    assert error.startswith("train (process 1): ")
    assert message in error


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gpu", "device: expected cpu or cuda, got 'gpu'"),
        ("cuda:99", "device: expected a GPU 99 for 'cuda:99', found"),
    ],
)
def test_devices_that_are_not_there_are_refused(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        choose_device(name)


def test_each_process_has_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[int] = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setenv("LOCAL_RANK", "2")
    assert choose_device("cuda") == torch.device("cuda", 2)
    assert chosen == [2]
    monkeypatch.delenv("LOCAL_RANK")
    assert choose_device("cuda") == torch.device("cuda", 0)


def test_compiled_layers_that_would_wait_for_others_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "own_share", lambda: Share(0, 2))
    recipe = load_recipe(write_recipe(tmp_path, compile="all"))
    with pytest.raises(ConfigError, match="expected no or match with several processes, got all"):
        trainer.Trainer(recipe)


def test_alone_an_agreement_is_one_s_own_wish() -> None:
    agreement = Agreement()
    assert agreement.any(True)
    assert not agreement.any(False)
    assert agreement.first_then_others(lambda: "data") == "data"
