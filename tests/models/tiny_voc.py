"""A VOC year, drawn: grey images with bright rectangles."""

from pathlib import Path

import cv2
import numpy as np

WIDTH, HEIGHT = 100, 80
Box = tuple[str, int, int, int, int]  # class; xmin, ymin, xmax, ymax from 1, both edges included


def write_voc(folder: Path, split: str, images: dict[str, list[Box]]) -> Path:
    """One year with one split; a class written "name?" is a difficult object."""
    for part in ("Annotations", "ImageSets/Main", "JPEGImages"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    names = folder / "ImageSets" / "Main" / f"{split}.txt"
    names.write_text("".join(f"{name}\n" for name in images))
    for name, boxes in images.items():
        (folder / "Annotations" / f"{name}.xml").write_text(describe(boxes))
        pixels = np.full((HEIGHT, WIDTH, 3), 100, np.uint8)
        for _, x1, y1, x2, y2 in boxes:
            pixels[max(y1 - 1, 0) : y2, max(x1 - 1, 0) : x2] = 250
        cv2.imwrite(str(folder / "JPEGImages" / f"{name}.jpg"), pixels)
    return folder


def describe(boxes: list[Box]) -> str:
    objects = "".join(
        f"<object><name>{label.rstrip('?')}</name><difficult>{int(label.endswith('?'))}</difficult>"
        f"<bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox>"
        f"<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part></object>"
        for label, x1, y1, x2, y2 in boxes
    )
    size = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height><depth>3</depth></size>"
    return f"<annotation><filename>other.png</filename>{size}{objects}</annotation>"
