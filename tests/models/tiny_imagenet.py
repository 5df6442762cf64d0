"""An ImageNet-style directory, drawn: the class is a shape, its colour and place are random."""

from pathlib import Path

import cv2
import numpy as np

CLASSES = ("bars", "disc", "square")


def draw_shape(name: str, random: np.random.Generator) -> np.ndarray:
    width, height = random.integers(60, 90, 2).tolist()
    image = np.full((height, width, 3), random.integers(0, 90, 3), np.uint8)
    colour = random.integers(150, 256, 3).tolist()
    x, y = (int(random.integers(20, edge - 20)) for edge in (width, height))
    if name == "bars":
        image[:, :: int(random.integers(6, 10))] = colour
        image[:, 1 :: int(random.integers(6, 10))] = colour
    elif name == "disc":
        cv2.circle(image, (x, y), 18, colour, -1)
    else:
        cv2.rectangle(image, (x - 15, y - 15), (x + 15, y + 15), colour, 4)
    return image


def write_imagenet(folder: Path, train: int, val: int) -> Path:
    """`train` and `val` images of every class."""
    random = np.random.default_rng(3)
    for split, count in (("train", train), ("val", val)):
        for name in CLASSES:
            place = folder / split / name
            place.mkdir(parents=True)
            for number in range(count):
                cv2.imwrite(str(place / f"{number:03}.jpg"), draw_shape(name, random))
    return folder
