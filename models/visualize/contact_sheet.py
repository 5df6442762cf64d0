"""A sheet of images of one height in rows, each group of them with a line of text below."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from models.data.image_files import BgrImage
from stages.kernels.drawing.palette import BLACK
from stages.kernels.drawing.plates import FONT

IMAGE_PX = 300  # height; boxes are drawn at this scale, so that their text can be read
MAX_IMAGE_PX = 800  # width; a panorama is made lower
SHEET_PX = 1640  # width; rows are filled up to here
CAPTION_PX = 26
GAP_PX = 12
PAIR_GAP_PX = 3
PAPER = 255
CAPTION_SCALE = 0.45


class Group(NamedTuple):
    """Images that stand side by side and are never parted."""

    images: Sequence[BgrImage]
    caption: str


def fit(frame: BgrImage) -> tuple[BgrImage, float]:
    """The frame at the size that it has on the sheet, and the scale from frame to there."""
    height, width = frame.shape[:2]
    scale = min(IMAGE_PX / height, MAX_IMAGE_PX / width)
    wh = max(1, round(width * scale)), max(1, round(height * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(frame, wh, interpolation=method).astype(np.uint8, copy=False), scale


def make_sheet(groups: Sequence[Group]) -> BgrImage:
    """All groups, left to right and row by row, each row as full as it gets."""
    rows: list[list[BgrImage]] = [[]]
    for block in map(make_block, groups):
        used = sum(other.shape[1] + GAP_PX for other in rows[-1])
        if rows[-1] and used + block.shape[1] > SHEET_PX:
            rows.append([])
        rows[-1].append(block)
    width = max(sum(block.shape[1] + GAP_PX for block in row) for row in rows) + GAP_PX
    pitch = IMAGE_PX + CAPTION_PX
    sheet = np.full((len(rows) * pitch + GAP_PX, width, 3), PAPER, np.uint8)
    for number, row in enumerate(rows):
        x, y = GAP_PX, GAP_PX + number * pitch
        for block in row:
            sheet[y : y + pitch, x : x + block.shape[1]] = block
            x += block.shape[1] + GAP_PX
    return sheet


def make_block(group: Group) -> BgrImage:
    """The images of a group on a common lower edge, and its caption below."""
    gaps = PAIR_GAP_PX * (len(group.images) - 1)
    width = sum(image.shape[1] for image in group.images) + gaps
    block = np.full((IMAGE_PX + CAPTION_PX, width, 3), PAPER, np.uint8)
    x = 0
    for image in group.images:
        height = image.shape[0]
        block[IMAGE_PX - height : IMAGE_PX, x : x + image.shape[1]] = image
        x += image.shape[1] + PAIR_GAP_PX
    text = shorten(group.caption, width)
    origin = (0, IMAGE_PX + round(0.65 * CAPTION_PX))
    cv2.putText(block, text, origin, FONT, CAPTION_SCALE, BLACK, 1, cv2.LINE_AA)
    return block


def shorten(text: str, width_px: int) -> str:
    """The text, without its beginning where it is too wide: file names differ at their ends."""
    kept = text
    while text and cv2.getTextSize(kept, FONT, CAPTION_SCALE, 1)[0][0] > width_px:
        text = text[1:]
        kept = f"...{text}"
    return kept
