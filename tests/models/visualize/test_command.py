"""Images hold what they are said to hold, and the command names what is missing."""

from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from models.checkpoint import save_checkpoint
from models.thundernet.thundernet import ThunderNet
from models.visualize.command import main
from models.visualize.contact_sheet import (
    GAP_PX,
    IMAGE_PX,
    PAIR_GAP_PX,
)
from models.visualize.detections import draw_labelled
from models.visualize.labelled_image import (
    draw_street,
)
from stages.model.model_file import read_model_metadata
from tests.models.random_network import make_network
from tests.models.visualize.frames import plain, read_png

pytestmark = pytest.mark.torch


def test_detections_stand_beside_the_truth(tmp_path: Path, tiny_model: Path) -> None:
    out = tmp_path / "new" / "sheet.png"
    command = ["detections", str(tiny_model), "--street", "3", "--limit", "2", "--out", str(out)]
    assert main(command) == 0
    sheet = read_png(out)
    assert sheet.shape[1] == 2 * (2 * 400 + PAIR_GAP_PX) + 3 * GAP_PX
    labelled = sheet[GAP_PX : GAP_PX + IMAGE_PX, GAP_PX + 400 + PAIR_GAP_PX :][:, :400]
    (street,) = draw_street(3, (640, 480), 1)
    assert street.objects is not None
    expected = draw_labelled(street.frame, street.objects, read_model_metadata(tiny_model).labels)
    assert np.array_equal(labelled, expected)


def test_images_that_cannot_be_read_are_named(
    tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, broken, absent = (tmp_path / name for name in ("good.png", "broken.jpg", "absent.jpg"))
    cv2.imwrite(str(good), plain(64, 48))
    broken.write_bytes(b"no image")
    files = [str(path) for path in (broken, good, absent)]
    out = tmp_path / "out.png"
    assert main(["detections", str(tiny_model), *files, "--out", str(out)]) == 0
    error = capsys.readouterr().err
    assert f"data: missing image: 1 ({absent})" in error
    assert f"data: unreadable image: 1 ({broken})" in error
    assert read_png(out).shape[1] == 400 + 2 * GAP_PX


def write_checkpoint(path: Path, model: ThunderNet) -> Path:
    meta = {"model": msgspec.to_builtins(model.config), "recipe": {}, "iteration": 1}
    save_checkpoint(path, {"ema": model.state_dict(), "meta": meta})
    return path


def test_attention_of_a_street(tmp_path: Path) -> None:
    checkpoint = write_checkpoint(tmp_path / "last.pt", make_network(input_size=96))
    out = tmp_path / "attention.png"
    command = ["attention", str(checkpoint), "--street", "3", "--limit", "1", "--out", str(out)]
    assert main(command) == 0
    assert read_png(out).shape[1] == 1500


def test_a_network_without_attention_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = write_checkpoint(tmp_path / "last.pt", make_network(spatial_attention=False))
    assert main(["attention", str(checkpoint), "--street", "3"]) == 1
    expected = "visualize: attention: expected a network with spatial_attention, got one without\n"
    assert capsys.readouterr().err == expected


def test_accuracy_of_the_shipped_models(tmp_path: Path) -> None:
    out = tmp_path / "accuracy.png"
    assert main(["accuracy", "--out", str(out)]) == 0
    assert read_png(out).shape[0] > 300


def test_curves_of_a_run(tmp_path: Path) -> None:
    (tmp_path / "val.csv").write_text("iteration,ap50,ap\n5,1.0,0.5\n")
    out = tmp_path / "new" / "curves.png"
    assert main(["curves", str(tmp_path), "--out", str(out)]) == 0
    assert read_png(out).shape == (720, 1080, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["curves", "nowhere"], "nowhere: expected a run with rows in train.csv or val.csv"),
        (["attention", "nowhere.pt", "--street", "1"], "nowhere.pt"),
        (["detections", "nowhere.onnx", "--street", "1"], "nowhere.onnx"),
        (["detections", "TINY"], "--voc, --coco and --street, got none"),
        (["detections", "TINY", "a.jpg", "--street", "1"], "got files, street"),
        (["detections", "TINY", "nowhere.jpg"], "missing image: 1 (nowhere.jpg)"),
        (["detections", "TINY", "a.jpg", "--images", "photos"], "--images: expected --coco too"),
        (["detections", "TINY", "--street", "-1"], "scene option 'seed': expected 0 to"),
        (["detections", "TINY", "--data", "none.json"], "none.json: expected a COCO data set"),
        (["accuracy", "nowhere.onnx"], "nowhere.json: expected scores beside the model"),
    ],
)
def test_what_cannot_be_shown_ends_with_one_line(
    tiny_model: Path,
    arguments: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    known = [str(tiny_model) if argument == "TINY" else argument for argument in arguments]
    assert main([*known, "--out", str(tmp_path / "out.png")]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("visualize: ")
    assert error.count("\n") == 1
    assert not (tmp_path / "out.png").exists()


def test_another_kind_of_file_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["accuracy", "--out", "accuracy.svg"]) == 1
    expected = "visualize: --out accuracy.svg: expected a name that ends with .png or .jpg\n"
    assert capsys.readouterr().err == expected


def test_help_shows_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "python -m models.visualize accuracy" in capsys.readouterr().out
