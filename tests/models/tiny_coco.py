"""A COCO directory of two images, 7.png and 8.png."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

CATEGORIES = [{"id": 1, "name": "person"}, {"id": 3, "name": "car"}]
IMAGES: list[dict[str, Any]] = [
    {"id": i, "file_name": f"{i}.png", "width": 100, "height": 80} for i in (7, 8)
]


def write_coco(
    folder: Path, annotations: list[dict[str, Any]], images: list[dict[str, Any]] | None = None
) -> Path:
    """instances.json and images/; annotations are numbered from 1."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for image in IMAGES:
        pixels = np.full((80, 100, 3), 250 if image["id"] == 7 else 0, np.uint8)
        cv2.imwrite(str(folder / "images" / image["file_name"]), pixels)
    numbered = [{"id": i} | one for i, one in enumerate(annotations, 1)]
    content = {"images": IMAGES if images is None else images, "annotations": numbered}
    path = folder / "instances.json"
    path.write_text(json.dumps(content | {"categories": CATEGORIES}))
    return path
