"""A folder of YOLO's kind with drawn discs and squares."""

from pathlib import Path

import cv2
import numpy as np

NAMES = ("disc", "square")
WIDTH, HEIGHT = 160, 120


def write_shapes(folder: Path, count: int) -> Path:
    rng = np.random.default_rng(0)
    for name in ("images", "labels"):
        (folder / name / "yard").mkdir(parents=True)
    (folder / "data.yaml").write_text("names:\n  0: disc\n  1: square\n")
    for number in range(count):
        image = np.full((HEIGHT, WIDTH, 3), rng.integers(40, 200), np.uint8)
        kind, side = int(rng.integers(2)), int(rng.integers(30, 60))
        x, y = (int(rng.integers(side // 2, whole - side // 2)) for whole in (WIDTH, HEIGHT))
        colour = tuple(int(value) for value in rng.integers(0, 255, 3))
        if kind == 0:
            cv2.circle(image, (x, y), side // 2, colour, -1)
        else:
            half = side // 2
            cv2.rectangle(image, (x - half, y - half), (x + half, y + half), colour, -1)
        cv2.imwrite(str(folder / f"images/yard/{number}.png"), image)
        box = f"{x / WIDTH} {y / HEIGHT} {side / WIDTH} {side / HEIGHT}"
        (folder / f"labels/yard/{number}.txt").write_text(f"{kind} {box}\n")
    return folder
