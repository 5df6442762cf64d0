"""Learning by heart: coordinates, matching, sampling, losses and evaluation must all agree."""

import json
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest

from models.thundernet.config import LABELS
from models.train.command import main
from models.train.run_log import read_rows
from stages.scene.street import SceneObject, Street, StreetOptions

pytestmark = [pytest.mark.torch, pytest.mark.slow]

IMAGES, SIZE = 16, 160
FRAME_WH = (480, 360)
MIN_SIDE, MIN_VISIBLE = 30, 0.5  # in frame pixels; what is smaller or hidden is a region to ignore


def annotate(seen: SceneObject, image_id: int) -> dict[str, Any]:
    x1, y1, x2, y2 = seen.box_xyxy
    doubtful = min(x2 - x1, y2 - y1) < MIN_SIDE or seen.visible < MIN_VISIBLE
    return {
        "image_id": image_id,
        "category_id": LABELS.index(seen.label) + 1,
        "bbox": [x1, y1, x2 - x1, y2 - y1],
        "iscrowd": int(doubtful),
    }


def write_streets(folder: Path) -> dict[str, str]:
    """A COCO directory of drawn streets, every one another; as `data.train` of a recipe."""
    annotations: list[dict[str, Any]] = []
    for image_id in range(IMAGES):
        street = Street(StreetOptions(seed=image_id, width=FRAME_WH[0], height=FRAME_WH[1]))
        frame = np.empty((FRAME_WH[1], FRAME_WH[0], 3), np.uint8)
        street.draw(0, frame)
        cv2.imwrite(str(folder / f"{image_id}.png"), frame)
        annotations += [annotate(seen, image_id) for seen in street.truth(0)]
    content = {
        "images": [
            {"id": i, "file_name": f"{i}.png", "width": FRAME_WH[0], "height": FRAME_WH[1]}
            for i in range(IMAGES)
        ],
        "annotations": [{"id": i} | one for i, one in enumerate(annotations, 1)],
        "categories": [{"id": i, "name": name} for i, name in enumerate(LABELS, 1)],
    }
    (folder / "streets.json").write_text(json.dumps(content))
    return {
        "kind": "coco",
        "annotations": str(folder / "streets.json"),
        "images": str(folder),
    }


def write_recipe(folder: Path) -> Path:
    split = write_streets(folder)
    recipe = {
        "iterations": 300,
        "batch_size": IMAGES,
        "model": {"input_size": SIZE, "anchor_scales": [16, 32, 64, 128]},
        "criterion": {"context_weight": 1.0},
        "data": {
            "train": [split],
            "val": split,  # the same images: by heart is the point
            "cache": str(folder / "cache"),
            "image_size": SIZE,
            "rare_below": 0.0,
            "scene": {"streets": 0},
        },
        "augment": {
            "zoom": [1.0, 1.0],
            "aspect": 0.0,
            "brightness": 0.0,
            "contrast": 0.0,
            "saturation": 0.0,
            "tint": 0.0,
        },
        "schedule": {"warmup": 20},
        "sizes": [{"size": SIZE, "until": 1.0}],
        "ema_decay": 0.95,
        "validate_every": 300,
        "checkpoint_seconds": 1e9,
    }
    path = folder / "overfit.yaml"
    path.write_bytes(msgspec.yaml.encode(recipe))
    return path


def test_sixteen_streets_are_learnt_by_heart(tmp_path: Path) -> None:
    """Three minutes on two cores."""
    assert main([str(write_recipe(tmp_path)), "--out", str(tmp_path / "run")]) == 0
    (scores,) = read_rows(tmp_path / "run" / "val.csv")
    assert scores["ap50"] > 95
