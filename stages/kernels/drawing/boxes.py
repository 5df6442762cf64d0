"""Detections painted onto a frame, in place."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.kernels.detections import Detections
from stages.kernels.drawing.palette import Colour, class_colour, track_colour
from stages.kernels.drawing.plates import Plates
from stages.kernels.drawing.stroke import stroke_of
from stages.kernels.pixels import Pixels


def draw_detections(
    canvas: Pixels, detections: Detections, labels: Sequence[str], plates: Plates | None = None
) -> None:
    """Paints a box for every detection, and "label 87%" or, of a track, "label 17 87%".

    The colour is that of the track, or of the class where there is none. The best score ends on
    top. The texts go to `plates` for somebody else to draw, or are painted at once.
    """
    colours: list[Colour] = []
    texts: list[Sequence[str]] = []
    for _, score, class_id, track_id in detections.iterate():
        label, percent = labels[class_id], f"{100 * score:.0f}%"
        if track_id is None:
            colours.append(class_colour(class_id))
            texts.append((f"{label} {percent}", label))
        else:
            colours.append(track_colour(track_id))
            texts.append((f"{label} {track_id} {percent}", f"{label} {track_id}", f"{track_id}"))
    draw_boxes(canvas, detections.boxes_xyxy, colours, texts, plates)


def draw_boxes(
    canvas: Pixels,
    boxes_xyxy: NDArray[np.float32],
    colours: Sequence[Colour],
    texts: Sequence[Sequence[str]],
    plates: Plates | None = None,
) -> None:
    """Paints every box with its text on a plate; the first one ends on top.

    The texts of a box say ever less; a later one is taken where there is no room for the earlier.
    """
    thickness = stroke_of(canvas).line_px
    boxes = [tuple(box) for box in boxes_xyxy.round().astype(int).tolist()]
    for (x1, y1, x2, y2), colour in zip(reversed(boxes), reversed(colours), strict=True):
        cv2.rectangle(canvas, (x1, y1), (x2, y2), colour, thickness)
    placed = Plates(canvas) if plates is None else plates
    for box, colour, shorter_texts in zip(boxes, colours, texts, strict=True):
        placed.add_to_box(shorter_texts, colour, box)
    if plates is None:
        placed.draw()
