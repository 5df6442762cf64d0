"""The picture that goes with an event: its frame, or the newest one, with the object's box."""

import numpy as np

from pipeline.client import EventMessage
from pipeline.service import FrameCopy, FrameView
from stages.kernels.colour import to_bgr
from stages.kernels.drawing.boxes import draw_boxes
from stages.kernels.drawing.palette import track_colour
from stages.kernels.jpeg import encode_jpeg
from stages.slot import Slot

_AREAS = ("frame", "format")


def take_picture(frames: FrameView, event: EventMessage, width: int) -> bytes | None:
    """A JPEG of at most so many pixels in width; None where the camera has sent no frame.

    An event is told when it is certain, up to half a second after it happened. By then its frame
    may have left the ring: the newest one is taken, without a box, since the object has moved on.
    """
    copy = frames.copy_frame(event.camera, event.frame_id, _AREAS)
    box = event.box if copy is not None else None
    copy = copy or frames.copy_newest(event.camera, _AREAS)
    return None if copy is None else _draw(copy, event, box, width)


def _draw(
    copy: FrameCopy,
    event: EventMessage,
    box: tuple[float, float, float, float] | None,
    most: int,
) -> bytes:
    picture = Slot(copy.areas).picture
    width, height = picture.form.display_wh
    scale = min(1.0, most / width)
    image = np.empty((max(1, round(height * scale)), max(1, round(width * scale)), 3), np.uint8)
    to_bgr(picture, image)
    if box is not None:
        name = f"{event.label} {event.track_id}"
        boxes = np.array([box], np.float32) * scale
        draw_boxes(image, boxes, [track_colour(event.track_id)], [(name, event.label)])
    return encode_jpeg(image)
