"""The evaluation command on tar shards, VOC and COCO directories."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import onnx
import pytest

from models.evaluate.voc import VocScore
from models.export.onnx_file import set_card
from stages.model.model_file import read_model_metadata
from tests.models.tiny_coco import write_coco
from tests.models.tiny_film import write_film
from tests.models.tiny_set import encoded, make_content, make_result, write_set
from tests.models.tiny_voc import write_voc

pytestmark = pytest.mark.torch


def run_command(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "models.evaluate", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd)


def test_command_line(tmp_path: Path, tiny_model: Path, repository: Path) -> None:
    # tiny.onnx sees a person in the left half and a car in the right half of a bright image.
    boxes: list[dict[str, Any]] = [
        {"bbox": [12.5, 20, 25, 40]},
        {"bbox": [62.5, 20, 25, 40], "category_id": 3},
    ]
    path = write_set(
        tmp_path, make_content(boxes), {"1.png": encoded(value=250), "2.png": encoded()}
    )
    scores, detections = tmp_path / "scores.json", tmp_path / "found.json"
    outputs = ("--detections", detections, "--results", scores)
    done = run_command(tiny_model, "--data", path, *outputs, cwd=repository)
    assert done.returncode == 0, done.stderr
    assert "mean over sources      AP50 100.0  AP 100.0" in done.stdout
    found = json.loads(detections.read_text())
    assert sorted(found, key=lambda one: one["category_id"]) == [
        make_result([12.5, 20, 25, 40], 0.98039),
        make_result([62.5, 20, 25, 40], 0.98039, 3),
    ]
    same = run_command(tiny_model, "--data", path, "--expect", scores, cwd=repository)
    assert same.returncode == 0, same.stderr
    scores.write_text(json.dumps(json.loads(scores.read_text()) | {"ap": 70.0}))
    other = run_command(tiny_model, "--data", path, "--expect", scores, cwd=repository)
    assert other.returncode == 1
    assert "not as published: mean over sources: ap expected 70.00" in other.stderr


def test_frames_of_a_film_are_counted(tmp_path: Path, tiny_model: Path, repository: Path) -> None:
    film = write_film(tmp_path / "film.avi", [250, 250, 0])
    done = run_command(tiny_model, "--clip", film, cwd=repository)
    assert done.returncode == 0, done.stderr
    assert "3 frames, of which show: person 2, car 2, nothing 1" in done.stdout
    limited = run_command(tiny_model, "--clip", film, "--limit", "1", cwd=repository)
    assert limited.returncode == 1
    assert "--limit: expected a set with labels, got --clip" in limited.stderr
    half = run_command(tiny_model, "--clip", film, "--half", "choosing", cwd=repository)
    assert "--half: expected --data too" in half.stderr


def test_thresholds_of_the_card_are_counted(
    tmp_path: Path, tiny_model: Path, repository: Path
) -> None:
    boxes: list[dict[str, Any]] = [
        {"bbox": [12.5, 20, 25, 40]},
        {"bbox": [62.5, 20, 25, 40], "category_id": 3},
    ]
    path = write_set(
        tmp_path, make_content(boxes), {"1.png": encoded(value=250), "2.png": encoded()}
    )
    known = shutil.copy(tiny_model, tmp_path / "known.onnx")
    card, model = read_model_metadata(known), onnx.load(known)
    chosen = {"thresholds": {"by_class": {"person": 0.5, "car": 0.99}}}
    set_card(model, card, recipe={"published": chosen})
    onnx.save(model, known)
    done = run_command(known, "--data", path, "--class-thresholds", cwd=repository)
    assert done.returncode == 0, done.stderr
    assert "threshold of each class: 50.0 % found, 100.0 % right\n" in done.stdout
    without = run_command(tiny_model, "--data", path, "--class-thresholds", cwd=repository)
    assert without.returncode == 1
    assert "expected a card with recipe.published.thresholds" in without.stderr
    of_coco = run_command(known, "--coco", path, "--class-thresholds", cwd=repository)
    assert "--class-thresholds: expected --data too" in of_coco.stderr


def test_options_of_another_set_are_not_ignored(
    tmp_path: Path, tiny_model: Path, repository: Path
) -> None:
    for option, of in (("--images", "--coco"), ("--split", "--voc")):
        done = run_command(tiny_model, "--data", "val.json", option, "photos", cwd=repository)
        assert done.returncode == 1
        assert done.stderr == f"evaluate: {option}: expected {of} too, got none\n"


def test_scores_are_written_into_folders_that_are_made_first(
    tmp_path: Path, tiny_model: Path, repository: Path
) -> None:
    path = write_set(tmp_path, make_content([]), {"1.png": encoded(), "2.png": encoded()})
    scores, detections = tmp_path / "new/scores.json", tmp_path / "other/found.json"
    outputs = ("--detections", detections, "--results", scores)
    done = run_command(tiny_model, "--data", path, *outputs, cwd=repository)
    assert done.returncode == 0, done.stderr
    assert json.loads(detections.read_text()) == []
    assert json.loads(scores.read_text())["ap50"] == 0
    # Known before the evaluation: a folder that cannot be made.
    late = run_command(tiny_model, "--data", path, "--results", path / "s.json", cwd=repository)
    assert late.returncode == 1
    assert late.stderr.startswith("evaluate: ")
    assert "images:" not in late.stdout


def test_images_are_cut_as_a_camera_would(
    tmp_path: Path, tiny_model: Path, repository: Path
) -> None:
    # Of 80 rows those from 12 to 68 are left, in which tiny.onnx sees the same two objects.
    boxes: list[dict[str, Any]] = [
        {"bbox": [12.5, 26, 25, 28]},
        {"bbox": [62.5, 26, 25, 28], "category_id": 3},
    ]
    path = write_set(
        tmp_path, make_content(boxes), {"1.png": encoded(value=250), "2.png": encoded()}
    )
    scores = tmp_path / "scores.json"
    done = run_command(
        tiny_model, "--data", path, "--cut", "16:9", "--results", scores, cwd=repository
    )
    assert done.returncode == 0, done.stderr
    assert "2 images, cut to 16:9" in done.stdout
    assert "mean over sources      AP50 100.0  AP 100.0" in done.stdout
    whole = run_command(tiny_model, "--data", path, "--expect", scores, cwd=repository)
    assert "images: expected all, cut to 16:9, got all" in whole.stderr
    bad = run_command(tiny_model, "--data", path, "--cut", "16x9", cwd=repository)
    assert bad.returncode == 2
    assert "expected a shape such as 16:9, got 16x9" in bad.stderr
    coco = run_command(tiny_model, "--coco", path, "--cut", "16:9", cwd=repository)
    assert "--cut: expected --data too" in coco.stderr


def test_a_set_in_another_light(tmp_path: Path, tiny_model: Path, repository: Path) -> None:
    """tiny.onnx is as sure as its image is bright."""
    boxes: list[dict[str, Any]] = [
        {"bbox": [12.5, 20, 25, 40]},
        {"bbox": [62.5, 20, 25, 40], "category_id": 3},
    ]
    images = {"1.png": encoded(value=250), "2.png": encoded()}
    path = write_set(tmp_path, make_content(boxes), images)
    scores = tmp_path / "scores.json"

    def evaluate(*more: object) -> subprocess.CompletedProcess[str]:
        return run_command(tiny_model, "--data", path, *more, cwd=repository)

    low = evaluate("--light", "low", "--results", scores)
    assert low.returncode == 0, low.stderr
    assert "2 images, in low light" in low.stdout
    assert "right by score, from: 0.3: 100 %" in low.stdout
    infrared = evaluate("--light", "infrared", "--expect", scores)
    assert "2 images, in infrared light" in infrared.stdout
    assert "right by score, from: 0.9: 100 %" in infrared.stdout
    assert "images: expected all, in low light, got all, in infrared light" in infrared.stderr
    coco = run_command(tiny_model, "--coco", path, "--light", "low", cwd=repository)
    assert "--light: expected --data too" in coco.stderr


def test_a_voc_year_through_the_line_s_stages(
    tmp_path: Path, tiny_model: Path, repository: Path
) -> None:
    # tiny.onnx sees a person in the left half and a car in the right half of a bright image.
    boxes = [("person", 13, 21, 37, 60), ("car", 63, 21, 88, 60), ("bird", 1, 1, 9, 9)]
    images = {"000001": boxes, "000002": [("car", 1, 1, 30, 30)], "000003": []}
    year = write_voc(tmp_path / "VOC2007", "test", images)
    for name, value in (("000001", 250), ("000002", 0)):
        pixels = np.full((80, 100, 3), value, np.uint8)
        cv2.imwrite(str(year / "JPEGImages" / f"{name}.jpg"), pixels)
    (year / "JPEGImages" / "000003.jpg").unlink()
    scores = tmp_path / "scores.json"
    done = run_command(tiny_model, "--voc", year, "--results", scores, cwd=repository)
    assert done.returncode == 0, done.stderr
    score = msgspec.json.decode(scores.read_bytes(), type=VocScore)
    assert score.images == 2
    assert {label: of.ap_all_points for label, of in score.classes.items()} == {
        "person": 100,
        "car": 50,  # one of two
        "bird": 0,  # not among the model's classes
    }
    assert "data: missing image: 1 (JPEGImages/000003.jpg)" in done.stdout
    assert "data: class that the model lacks, scores 0: 1" in done.stdout
    assert "2 images: mAP 51.5 (11 points)  50.0 (all points)" in done.stdout


def test_a_coco_directory_through_the_line_s_stages(
    tmp_path: Path, tiny_model: Path, repository: Path
) -> None:
    person = {"image_id": 7, "category_id": 1, "bbox": [12.5, 20, 25, 40]}
    car = {"image_id": 7, "category_id": 3, "bbox": [62.5, 20, 25, 40]}
    path, scores = write_coco(tmp_path, [person, car]), tmp_path / "scores.json"
    chosen = (tiny_model, "--coco", path, "--images", tmp_path / "images")
    done = run_command(*chosen, "--results", scores, cwd=repository)
    assert done.returncode == 0, done.stderr
    assert "2 images: AP 100.0  AP50 100.0  AP75 100.0  S 100.0" in done.stdout
    scores.write_text(json.dumps(json.loads(scores.read_text()) | {"ap75": 70.0}))
    other = run_command(*chosen, "--expect", scores, cwd=repository)
    assert other.returncode == 1
    assert "not as published: mean over classes: ap75 expected 70.00" in other.stderr


def test_what_cannot_be_evaluated_ends_with_one_line(
    tmp_path: Path, tiny_model: Path, repository: Path
) -> None:
    path = write_coco(tmp_path, [])
    done = run_command(tiny_model, "--coco", path, cwd=repository)
    assert done.returncode == 1
    assert done.stderr == f"evaluate: --coco {path}: expected --images, the folder of its images\n"


def test_a_directory_without_a_readable_image_is_no_score_of_zero(
    tmp_path: Path, tiny_model: Path, repository: Path
) -> None:
    year = write_voc(tmp_path / "VOC2007", "test", {"000001": []})
    (year / "JPEGImages" / "000001.jpg").unlink()
    done = run_command(tiny_model, "--voc", year, cwd=repository)
    assert done.returncode == 1
    line = done.stderr.splitlines()[-1]
    assert f"test.txt: expected at least one readable image in {year}: " in line
    assert line.endswith("missing image: 1 (JPEGImages/000001.jpg)")
