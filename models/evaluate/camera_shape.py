"""Photographs cut to the shape of a camera's picture.

Cameras are wider than photographs, so whatever brings a frame to the network's input does another
thing to them than to photographs.
"""

import argparse
import re
from typing import Any, NamedTuple

# Width / height from which an image is cut: of narrower ones too little would be left, and squares
# have often been warped from who knows what.
NARROWEST = 1.2
MOSTLY_VISIBLE = 0.5  # part of a box; what is cut more is ignored, as COCO ignores a crowd


class CameraShape(NamedTuple):
    """Width and height of a camera's picture in any unit, such as 16 and 9."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}:{self.height}"

    def rows(self, wh: tuple[int, int]) -> tuple[int, int]:
        """First row of the middle of an image that has this shape, and the row behind its last."""
        width, height = wh
        kept = min(height, round(width * self.height / self.width))
        top = (height - kept) // 2
        return top, top + kept


def parse_camera_shape(text: str) -> CameraShape:
    found = re.fullmatch(r"([1-9][0-9]{0,3}):([1-9][0-9]{0,3})", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"expected a shape such as 16:9, got {text}")
    return CameraShape(int(found[1]), int(found[2]))


def is_wide(wh: tuple[int, int]) -> bool:
    return wh[0] >= NARROWEST * wh[1]


def cut_annotation(annotation: dict[str, Any], rows: tuple[int, int]) -> dict[str, Any] | None:
    """A COCO annotation within these rows, ignored if most of it is cut; None: nothing is left."""
    x, y, width, height = annotation["bbox"]
    top, bottom = max(y, rows[0]), min(y + height, rows[1])
    if bottom - top < 1:
        return None
    ignored = annotation.get("iscrowd", 0) or bottom - top < MOSTLY_VISIBLE * height
    return annotation | {
        "bbox": [x, top - rows[0], width, bottom - top],
        "area": width * (bottom - top),
        "iscrowd": int(ignored),
    }
