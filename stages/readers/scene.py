"""The drawn street as a camera: `scene://street?seed=7&seconds=20`."""

from pipeline.source import Captured, EndOfSource
from stages.kernels.picture import Picture, PictureFormat, bgr_format
from stages.readers.reader import ImageReader
from stages.scene.street import Street, parse_scene_uri

_NS_PER_S = 1_000_000_000


class SceneReader(ImageReader):
    """Draws frame after frame; the same address gives the same pixels."""

    def __init__(self, uri: str) -> None:
        self._options = parse_scene_uri(uri)
        self._next = 0

    def open(self, first_frame: int) -> PictureFormat:
        self._street = Street(self._options)
        self._next = first_frame
        return bgr_format(self._options.width, self._options.height)

    def read(self, picture: Picture) -> Captured:
        count = self._street.frame_count
        if count is not None and self._next >= count:
            raise EndOfSource
        self._street.draw(self._next, picture.bgr)
        self._next += 1
        return Captured(round((self._next - 1) / self._options.fps * _NS_PER_S))

    def close(self) -> None:
        """Nothing is open."""
