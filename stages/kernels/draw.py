"""Detections and a status line painted onto a frame, in place."""

import colorsys
from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.kernels.detections import Detections
from stages.kernels.pixels import Pixels

Colour = tuple[int, int, int]  # blue, green, red

FONT = cv2.FONT_HERSHEY_SIMPLEX
BLACK: Colour = (0, 0, 0)
WHITE: Colour = (255, 255, 255)
# Hues that follow each other by the golden angle stay apart however many classes there are.
GOLDEN_TURN = 0.381966
# At 480 lines a stroke of 2 px and letters of 11 px can be read; both grow with the frame.
REFERENCE_HEIGHT = 480
FONT_SCALE = 0.45
PADDING_PX = 3


@cache
def class_colour(class_id: int) -> Colour:
    """The colour of a class: the same in every frame and every run."""
    hue = (0.33 + class_id * GOLDEN_TURN) % 1.0
    value = 1.0 if class_id % 2 == 0 else 0.85
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.85, value)
    return round(255 * blue), round(255 * green), round(255 * red)


@cache
def ink_colour(background: Colour) -> Colour:
    """Black or white, whichever reads better on `background` (Rec. 601 luma)."""
    blue, green, red = background
    return BLACK if 0.114 * blue + 0.587 * green + 0.299 * red > 110 else WHITE


def draw_detections(canvas: Pixels, detections: Detections, labels: Sequence[str]) -> None:
    """Paints a box and "label 87%" for every detection; the best score ends on top."""
    class_ids = detections.class_ids.tolist()
    colours = [class_colour(class_id) for class_id in class_ids]
    scored = zip(class_ids, detections.scores.tolist(), strict=True)
    texts = [f"{labels[class_id]} {100 * score:.0f}%" for class_id, score in scored]
    draw_boxes(canvas, detections.boxes_xyxy, colours, texts)


def draw_boxes(
    canvas: Pixels,
    boxes_xyxy: NDArray[np.float32],
    colours: Sequence[Colour],
    texts: Sequence[str],
) -> None:
    """Paints every box with its text on a plate; the first one ends on top."""
    thickness, font_scale = _stroke(canvas)
    corners = boxes_xyxy.round().astype(int).tolist()
    for (x1, y1, x2, y2), colour, text in reversed(list(zip(corners, colours, texts, strict=True))):
        cv2.rectangle(canvas, (x1, y1), (x2, y2), colour, thickness)
        _draw_text(canvas, text, (x1, y1), colour, font_scale)


def draw_caption(canvas: Pixels, camera: str, fps: float, age_ms: float) -> None:
    """Paints one line at the lower left: the camera, its frame rate, the frame's age."""
    text = f"{camera}  {fps:.1f} fps  {age_ms:.0f} ms"
    _draw_text(canvas, text, (0, canvas.shape[0]), BLACK, _stroke(canvas)[1])


def _stroke(canvas: Pixels) -> tuple[int, float]:
    """Line thickness in pixels and font scale for this size of frame."""
    growth = max(1.0, canvas.shape[0] / REFERENCE_HEIGHT)
    return round(1.6 * growth), FONT_SCALE * growth


def _draw_text(
    canvas: Pixels, text: str, anchor: tuple[int, int], colour: Colour, scale: float
) -> None:
    """Text on a filled plate that stands on `anchor`, moved as far as it takes to be seen whole."""
    weight = max(1, round(scale))
    (width, height), baseline = cv2.getTextSize(text, FONT, scale, weight)
    plate_w, plate_h = width + 2 * PADDING_PX, height + baseline + PADDING_PX
    x = max(0, min(anchor[0], canvas.shape[1] - plate_w))
    y = max(plate_h, min(anchor[1], canvas.shape[0]))
    cv2.rectangle(canvas, (x, y - plate_h), (x + plate_w, y - 1), colour, cv2.FILLED)
    origin = (x + PADDING_PX, y - baseline)
    cv2.putText(canvas, text, origin, FONT, scale, ink_colour(colour), weight, cv2.LINE_AA)
