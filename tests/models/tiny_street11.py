"""A data set in the form of street11, drawn: rectangles whose colour is their class."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from models.thundernet.config import LABELS

WIDTH, HEIGHT = 120, 90
CATEGORIES = [{"id": i + 1, "name": name} for i, name in enumerate(LABELS)]
COLOURS = ((0, 0, 255), (0, 255, 0), (255, 0, 0), (0, 255, 255))  # BGR of classes 1 to 4


def draw_image(boxes: list[tuple[int, tuple[int, int, int, int]]]) -> np.ndarray:
    image = np.full((HEIGHT, WIDTH, 3), 110, np.uint8)
    for category, (x, y, width, height) in boxes:
        image[y : y + height, x : x + width] = COLOURS[category - 1]
    return image


def random_boxes(random: np.random.Generator) -> list[tuple[int, tuple[int, int, int, int]]]:
    """One box in the left and one in the right half."""
    boxes = []
    for left in (0, WIDTH // 2):
        width, height = random.integers(30, 50, 2).tolist()
        x, y = random.integers(0, WIDTH // 2 - width), random.integers(0, HEIGHT - height)
        boxes.append((int(random.integers(1, 5)), (left + int(x), int(y), width, height)))
    return boxes


def write_split(folder: Path, split: str, count: int, seed: int = 0) -> dict[str, Any]:
    """Writes `count` images in two shards; returns the JSON's content, to be spoilt by tests."""
    random = np.random.default_rng(seed)
    content: dict[str, Any] = {"images": [], "annotations": [], "categories": CATEGORIES}
    files: list[tuple[str, bytes]] = []
    for number in range(count):
        boxes = random_boxes(random)
        name = f"{split}-{number:03}.png"
        files.append((name, cv2.imencode(".png", draw_image(boxes))[1].tobytes()))
        content["images"].append(
            {
                "id": number,
                "file_name": name,
                "width": WIDTH,
                "height": HEIGHT,
                "source": "left" if number % 2 else "right",
                "labelled_category_ids": list(range(1, 12)),
            }
        )
        for category, box in boxes:
            annotation = {"image_id": number, "category_id": category, "bbox": list(box)}
            annotation |= {"id": len(content["annotations"]) + 1, "area": box[2] * box[3]}
            content["annotations"].append(annotation | {"iscrowd": 0})
    write_json(folder, split, content)
    middle = count // 2
    for shard, part in enumerate((files[:middle], files[middle:])):
        write_shard(folder / f"{split}-{shard:02}.tar", part)
    return content


def write_json(folder: Path, split: str, content: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{split}.json").write_text(json.dumps(content))


def write_shard(path: Path, files: list[tuple[str, bytes]]) -> None:
    with tarfile.open(path, "w") as shard:
        for name, data in files:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            shard.addfile(member, io.BytesIO(data))
