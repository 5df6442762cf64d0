"""A frame as people get to see it: upright, at the size that is wanted, with what was found."""

from collections.abc import Sequence

import numpy as np

from pipeline.client import Detection, DetectionMessage
from pipeline.service import FrameCopy
from stages.kernels.colour import to_bgr
from stages.kernels.drawing.boxes import draw_boxes
from stages.kernels.drawing.palette import Colour, class_colour, track_colour
from stages.kernels.pixels import Pixels
from stages.slot import Slot

AREAS = ("frame", "format")  # of a slot, for `FrameView`


def draw_result(
    copy: FrameCopy, message: DetectionMessage, width: int | None = None, *, annotated: bool = True
) -> Pixels:
    """The frame of a result as BGR pixels (H, W, 3).

    Args:
        copy: of the areas `AREAS` of that frame.
        width: in pixels; that of the frame by default, which is never enlarged.
        annotated: with boxes.
    """
    picture = Slot(copy.areas).picture
    full_width, full_height = picture.form.display_wh
    scale = min(1.0, (width or full_width) / full_width)
    height, width = max(1, round(full_height * scale)), max(1, round(full_width * scale))
    image = np.empty((height, width, 3), np.uint8)
    to_bgr(picture, image)
    if annotated and message.detections:
        boxes = np.array([found.box for found in message.detections], np.float32) * scale
        colours, texts = zip(*map(_mark, message.detections), strict=True)
        draw_boxes(image, boxes, colours, texts)
    return image


def _mark(found: Detection) -> tuple[Colour, Sequence[str]]:
    """The colour of a box, and texts that say ever less, as the recorded video has them."""
    percent = f"{100 * found.score:.0f}%"
    if found.track_id is None:
        return class_colour(found.class_id), (f"{found.label} {percent}", found.label)
    name = f"{found.label} {found.track_id}"
    return track_colour(found.track_id), (f"{name} {percent}", name, f"{found.track_id}")
