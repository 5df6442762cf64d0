"""`run_pipeline.py detect`, on images in which it is known what is where."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

import run_pipeline
from tests.running_line import REPOSITORY

ADOPTED = str(REPOSITORY / "tests/golden/adopted.onnx")
BOX = [32.0, 16.0, 48.0, 32.0]


def write_image(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.zeros((64, 128, 3), np.uint8)
    image[16:32, 32:48] = 255
    assert cv2.imwrite(str(path), image)
    return path


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return write_image(tmp_path / "bright.png")


def detect(*arguments: object) -> int:
    return run_pipeline.main(["detect", "--model", ADOPTED, *map(str, arguments)])


def test_people_read_names_scores_and_boxes(
    image: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert detect(image) == 0
    assert capsys.readouterr().out == f"{image}: 1 found\n  person 100% at 32, 16, 48, 32\n"


def test_programs_read_a_line_for_each_image(
    image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cv2.imwrite(str(tmp_path / "dark.png"), np.zeros((20, 30, 3), np.uint8))
    assert detect("--json", image, tmp_path / "dark.png") == 0
    bright, dark = map(json.loads, capsys.readouterr().out.splitlines())
    assert (bright["width"], bright["height"]) == (128, 64)
    (found,) = bright["detections"]
    assert (found["label"], found["box"]) == ("person", BOX)
    assert found["score"] == pytest.approx(1)
    assert (dark["image"], dark["detections"]) == (str(tmp_path / "dark.png"), [])


def test_the_name_of_a_file_steers_no_terminal_and_forges_no_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "a\x1b[2J\nb\x9b.png"
    image = write_image(tmp_path / name)
    (tmp_path / f"no {name}").write_bytes(b"no image")
    assert detect(image, tmp_path / f"no {name}") == 1
    said = capsys.readouterr()
    shown = r"a\x1b[2J\x0ab\x9b.png"
    assert said.out.splitlines()[0] == f"{tmp_path}/{shown}: 1 found"
    assert said.err.startswith(f"error: {tmp_path}/no {shown}: ")
    assert said.err.count("\n") == 1
    assert detect("--json", image) == 0
    (row,) = capsys.readouterr().out.splitlines()
    assert row.isprintable()
    assert json.loads(row)["image"] == str(image)
    assert detect(image, "--out", tmp_path) == 0
    assert detect(tmp_path / name.replace("png", "jpg"), "--out", tmp_path) == 2
    said = capsys.readouterr()
    assert said.err == f"error: --out {tmp_path}: expected another folder than that of " + (
        shown.replace("png", "jpg") + "\n"
    )


def test_images_with_boxes_are_written(image: Path, tmp_path: Path) -> None:
    assert detect(image, "--out", tmp_path / "found") == 0
    drawn, plain = cv2.imread(str(tmp_path / "found/bright.jpg")), cv2.imread(str(image))
    assert drawn is not None
    assert plain is not None
    assert drawn.shape == (64, 128, 3)
    assert np.abs(drawn.astype(int) - plain).max() > 100


def test_what_cannot_be_read_is_told_and_the_rest_is_looked_at(
    image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cut.png").write_bytes(image.read_bytes()[:60])
    assert detect(tmp_path / "cut.png", tmp_path / "absent.png", image) == 1
    said = capsys.readouterr()
    assert "bright.png: 1 found" in said.out
    assert f"error: {tmp_path / 'cut.png'}: " in said.err
    assert f"error: {tmp_path / 'absent.png'}: No such file" in said.err
    assert detect(tmp_path / "cut.png") == 2
    assert detect(tmp_path) == 2


def test_images_are_never_written_over(
    image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = write_image(tmp_path / "photo.jpg")
    before = photo.read_bytes()
    assert detect(photo, "--out", tmp_path) == 2
    assert photo.read_bytes() == before
    assert "expected another folder" in capsys.readouterr().err
    twin = write_image(tmp_path / "other/bright.png")
    assert detect(image, twin, "--out", tmp_path / "found") == 2
    assert "would both be bright.jpg" in capsys.readouterr().err
    assert detect(image, "--out", image) == 2
    assert "--out" in capsys.readouterr().err


def test_a_model_that_is_none_is_refused(image: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert detect(image, "--model", image) == 2
    assert "error: model file" in capsys.readouterr().err
