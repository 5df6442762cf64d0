"""Every fault that a data set can have, at once and in each format: named once, trained past."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest

from models.checkpoint import read_checkpoint
from models.data.voc import CLASSES
from models.thundernet.config import LABELS
from models.train.command import EXIT_REFUSED, main
from tests.models.tiny_street11 import write_shard
from tests.models.tiny_voc import describe, write_voc

pytestmark = pytest.mark.torch

WIDTH, HEIGHT = 100, 80
# Of six images the second is no image, the third is cut short, the fourth is absent and the
# fifth has another size than was annotated.
NAMES = [f"{number}.jpg" for number in range(1, 7)]
GOOD, OUTSIDE, ACROSS = [20, 20, 40, 40], [120, 20, 40, 40], [80, 20, 40, 40]
FLAT, UNKNOWN = [20, 20, 0, 40], "unicorn"

BOXES_NAMED = {
    "box across the image's border, kept": 1,
    "box of an unknown category": 1,
    "box outside its image": 1,
    "box without area": 1,
}
IMAGES_NAMED = {"image missing, unreadable or of another size": 4}


def encode(width: int = WIDTH, height: int = HEIGHT) -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return cv2.imencode(".jpg", noise)[1].tobytes()


def files() -> dict[str, bytes]:
    """The images by name, in order; the broken ones stand in the middle of good ones."""
    contents = [encode(), b"no image", b"", None, encode(60, 60), encode()]
    return {name: data for name, data in zip(NAMES, contents, strict=True) if data is not None}


def coco_content(known: int = 3) -> dict[str, Any]:
    boxes = [(GOOD, known), (OUTSIDE, known), (ACROSS, known), (FLAT, known), (GOOD, 99)]
    annotations = [
        {"image_id": 1, "category_id": category_id, "bbox": box} for box, category_id in boxes
    ]
    # A box in every image, also in those that cannot be read.
    annotations += [{"image_id": i, "category_id": known, "bbox": GOOD} for i in range(2, 7)]
    return {
        "images": [
            {"id": i, "file_name": name, "width": WIDTH, "height": HEIGHT}
            for i, name in enumerate(NAMES, 1)
        ],
        "annotations": [one | {"id": i, "iscrowd": 0} for i, one in enumerate(annotations, 1)],
        "categories": [{"id": i, "name": name} for i, name in enumerate(LABELS, 1)],
    }


def write_street11(folder: Path) -> dict[str, Any]:
    folder.mkdir()
    content = coco_content()
    for image in content["images"]:
        image |= {"source": "street", "labelled_category_ids": [1, 3]}
    for split in ("train", "val"):
        (folder / f"{split}.json").write_text(json.dumps(content))
        write_shard(folder / f"{split}-00.tar", list(files().items()))
    return {"folder": str(folder)}


def write_coco(folder: Path) -> dict[str, Any]:
    (folder / "images").mkdir(parents=True)
    for name, data in files().items():
        (folder / "images" / name).write_bytes(data)
    path = folder / "instances.json"
    path.write_text(json.dumps(coco_content()))
    split = {"kind": "coco", "annotations": str(path), "images": str(folder / "images")}
    return {"train": [split], "val": split}


def write_voc_year(folder: Path) -> dict[str, Any]:
    write_voc(folder, "all", {Path(name).stem: [("car", 21, 21, 60, 60)] for name in NAMES})
    for name in NAMES:
        (folder / "JPEGImages" / name).unlink()
    for name, data in files().items():
        (folder / "JPEGImages" / name).write_bytes(data)
    boxes = [GOOD, OUTSIDE, ACROSS, FLAT]
    listed = [("car", x + 1, y + 1, x + width, y + height) for x, y, width, height in boxes]
    listed.append((UNKNOWN, 21, 21, 60, 60))
    (folder / "Annotations" / "1.xml").write_text(describe(listed))
    split = {"kind": "voc", "folder": str(folder), "split": "all"}
    return {"train": [split], "val": split}


FORMATS = [
    pytest.param(write_street11, LABELS, id="street11"),
    pytest.param(write_coco, LABELS, id="coco"),
    pytest.param(write_voc_year, CLASSES, id="voc"),
]


def write_recipe(folder: Path, data: dict[str, Any], **changes: Any) -> Path:
    recipe = {
        "iterations": 2,
        "batch_size": 2,
        "data": data | {"cache": str(folder / "cache"), "image_size": 64, "scene": {"streets": 0}},
        "model": {"input_size": 64},
        "sizes": [{"size": 64, "until": 1.0}],
        "threads": 1,
        "log_every": 1,
        "validate_every": 2,
    }
    path = folder / "recipe.yaml"
    path.write_bytes(msgspec.yaml.encode(recipe | changes))
    return path


@pytest.mark.parametrize(("write", "labels"), FORMATS)
def test_a_run_names_what_is_wrong_and_goes_on(
    write: Callable[[Path], dict[str, Any]],
    labels: tuple[str, ...],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = write(tmp_path / "data")
    model = {"input_size": 64, "labels": labels}
    recipe = write_recipe(tmp_path, data, model=model)
    assert main([str(recipe), "--out", str(tmp_path / "run")]) == 0
    assert read_checkpoint(tmp_path / "run" / "last.pt")["meta"]["iteration"] == 2
    assert (tmp_path / "run" / "val.csv").read_text().count("\n") == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("data: ")]
    # The same images serve for training and validation: problems are met twice, and told once.
    expected = {kind: 2 * count for kind, count in (BOXES_NAMED | IMAGES_NAMED).items()}
    parts = [line.split(": ") for line in lines]
    assert {kind: int(rest.split(" ")[0]) for _, kind, rest, *_ in parts} == expected
    missing = next(line for line in lines if "missing" in line)
    assert all(name in missing for name in ("2.jpg", "3.jpg", "4.jpg"))
    unknown = next(line for line in lines if "unknown category" in line)
    assert "1.jpg" in unknown or repr(UNKNOWN) in unknown


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": {"input_size": 300}}, "expected a multiple of 32 from 64 up, got 300"),
        ({"model": {"backbone": "resnet50"}}, "resnet50"),
        ({"sizes": [{"size": 250, "until": 1.0}]}, "got 250"),
        ({"multi_scale": [100]}, "got 100"),
        ({"batch_size": 0}, "batch_size >= 1"),
    ],
)
def test_what_cannot_work_is_refused_before_data_is_read(
    changes: dict[str, Any],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The data set does not even exist, and is not what the error is about."""
    recipe = write_recipe(tmp_path, {"folder": str(tmp_path / "nowhere")}, **changes)
    assert main([str(recipe), "--out", str(tmp_path / "run")]) == EXIT_REFUSED
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert "nowhere" not in error
    assert not (tmp_path / "cache").exists()
