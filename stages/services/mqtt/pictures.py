"""The last picture of a camera on which something happened."""

from pipeline.client import DetectionMessage
from pipeline.service import FrameView
from stages.kernels.jpeg import encode_jpeg
from stages.services.drawing import AREAS, draw_result


class LastPictures:
    """Made of the first frame with a result that is there when one is asked for, at most so often.

    Args:
        every_s: the shortest time between two pictures of a camera; None for no pictures.
        width: in pixels, at most that of the frame.
    """

    def __init__(self, frames: FrameView, every_s: float | None, width: int) -> None:
        self._frames, self._every_s, self._width = frames, every_s, width
        self._asked: set[str] = set()  # cameras
        self._next_s: dict[str, float] = {}

    def ask(self, camera: str) -> None:
        if self._every_s is not None:
            self._asked.add(camera)

    def hear(self, message: DetectionMessage, now_s: float) -> bytes | None:
        """A JPEG of this frame, if it is wanted and still in its slot."""
        camera = message.camera
        if camera not in self._asked or now_s < self._next_s.get(camera, 0.0):
            return None
        copy = self._frames.copy_frame(camera, message.frame_id, AREAS)
        if copy is None or self._every_s is None:
            return None
        self._asked.remove(camera)
        self._next_s[camera] = now_s + self._every_s
        return encode_jpeg(draw_result(copy, message, self._width))
