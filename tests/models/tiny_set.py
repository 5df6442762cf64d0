"""A data set of two images with tar shards beside it, and results in it."""

import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from models.data.report import DataReport
from models.evaluate.evaluation_set import EvaluationSet, read_evaluation_set
from models.evaluate.results import Result

CATEGORIES = [{"id": 1, "name": "person"}, {"id": 3, "name": "car"}]


def make_content(boxes: Sequence[dict[str, Any]], **image: Any) -> dict[str, Any]:
    """Two images of 100 x 80 from one source, boxes with `image_id` 1 unless they say otherwise."""
    plain = {"width": 100, "height": 80, "source": "street", "labelled_category_ids": [1, 3]}
    images = [plain | {"id": i, "file_name": f"{i}.png"} | image for i in (1, 2)]
    defaults = {"image_id": 1, "category_id": 1, "iscrowd": 0}
    annotations = [defaults | {"id": i} | box for i, box in enumerate(boxes)]
    return {"images": images, "annotations": annotations, "categories": CATEGORIES}


def write_set(folder: Path, content: dict[str, Any], files: dict[str, bytes]) -> Path:
    """val.json and val-00.tar with the given members."""
    path = folder / "val.json"
    path.write_text(json.dumps(content))
    with tarfile.open(folder / "val-00.tar", "w") as shard:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            shard.addfile(member, io.BytesIO(data))
    return path


def encoded(width: int = 100, height: int = 80, value: int = 0) -> bytes:
    """A PNG of one grey value."""
    return cv2.imencode(".png", np.full((height, width, 3), value, np.uint8))[1].tobytes()


def make_set(folder: Path, boxes: Sequence[dict[str, Any]], **image: Any) -> EvaluationSet:
    """The set of `make_content`, read from files; no image is in its shard."""
    return read_evaluation_set(write_set(folder, make_content(boxes, **image), {}), DataReport())


def make_result(
    bbox: Sequence[float], score: float, category_id: int = 1, image_id: int = 1
) -> Result:
    return {"image_id": image_id, "category_id": category_id, "bbox": bbox, "score": score}
