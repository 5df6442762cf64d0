"""Fine-tuning from end to end on drawn shapes: how well is a question of hours, not of a test."""

from pathlib import Path

import numpy as np
import pytest

from models.checkpoint import read_checkpoint, save_checkpoint
from models.finetune.command import WEIGHTS, main
from models.train.recipe import load_recipe
from models.train.run_log import CsvLog
from models.train.trainer import Trainer
from stages.model import load_detector
from stages.model.model_file import read_model_metadata
from tests.models.finetune.drawn_shapes import write_shapes
from tests.models.recipes import write_recipe

pytestmark = pytest.mark.torch


def write_weights(folder: Path) -> Path:
    """A checkpoint of a network that trains quickly, such as the shipped one is."""
    recipe = load_recipe(write_recipe(folder, model={"input_size": 128}))
    save_checkpoint(folder / "begin.pt", Trainer(recipe).state())
    return folder / "begin.pt"


def finetune(data: Path, out: Path, images: int, *options: str) -> int:
    given = ["--data", str(data), "--out", str(out), "--train-images", str(images)]
    return main([*given, "--threads", "1", *options])


def test_own_classes_end_in_a_model_file(tmp_path: Path) -> None:
    data, out = write_shapes(tmp_path / "shapes", 20), tmp_path / "run"
    begin = ("--weights", str(write_weights(tmp_path)))
    assert finetune(data, out, 16, *begin) == 0
    assert read_checkpoint(out / "last.pt")["meta"]["iteration"] == 1
    card = read_model_metadata(out / "model.onnx")
    shipped = read_model_metadata(WEIGHTS.with_suffix(".onnx"))
    assert card.max_rois == shipped.max_rois
    assert card.soft_nms == shipped.soft_nms
    assert card.score_thresh == shipped.score_thresh
    assert card.recipe["objectness_cut"] == shipped.recipe["objectness_cut"]
    detector = load_detector(out / "model.onnx", score_thresh=0.0)
    assert detector.labels == ("disc", "square")
    assert detector.detect(np.zeros((120, 160, 3), np.uint8)) is not None
    rows = CsvLog(out / "val.csv", 1).rows
    assert [row["iteration"] for row in rows] == [1]
    # The same command goes on, here to a longer run.
    assert finetune(data, out, 32, *begin) == 0
    assert read_checkpoint(out / "last.pt")["meta"]["iteration"] == 2


def test_bad_data_are_one_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, out = write_shapes(tmp_path / "shapes", 20), tmp_path / "run"

    def refuse(expected: str, *options: str) -> None:
        assert finetune(data, out, 32, *options) == 1
        error = capsys.readouterr().err
        assert error.startswith("finetune: ")
        assert expected in error

    refuse("there are disc, square", "--labels", "disc,star")
    refuse("expected --data to be a COCO file, got the folder", "--images", str(data / "images"))
    refuse("--weights", "--weights", str(tmp_path / "absent.pt"))
    label = data / "labels/yard/3.txt"
    label.write_text("0 0.5 0.5 0.2 0.2\n7 0.5 0.5 0.2 0.2\n")
    refuse(f"{label}:2: expected a class from 0 to 1, got 7")
    label.write_text("0 0.5 left\n")
    refuse(f"{label}:1: expected a class and the numbers of a box")
    (data / "data.yaml").write_text("nc: 2\n")
    refuse("expected `names`")
    (data / "data.yaml").unlink()
    refuse("labels.txt")
    assert not (out / "last.pt").exists()


def test_a_user_s_own_files_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The folder of the data may be that of the run; a run keeps what it was begun with."""
    data = write_shapes(tmp_path / "shapes", 20)
    begin = ("--weights", str(write_weights(tmp_path)))
    for name in ("train.json", "val.json"):
        (data / name).write_text("mine")
    assert finetune(data, data, 16, *begin) == 0
    assert (data / "train.json").read_text() == (data / "val.json").read_text() == "mine"
    written = (data / "finetune-train.json").read_bytes()
    assert finetune(data, data, 16, "--labels", "square", *begin) == 1
    assert "expected the classes of its run, disc, square, got square" in capsys.readouterr().err
    assert (data / "finetune-train.json").read_bytes() == written
    again = data / "finetune-train.json"
    assert main(["--data", str(again), "--out", str(data)]) == 1
    assert "expected another file to write" in capsys.readouterr().err
    assert again.read_bytes() == written
