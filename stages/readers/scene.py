"""The drawn street as a camera: `scene://street?seed=7&seconds=20`."""

from pipeline.source import EndOfSource, Geometry
from stages.kernels.pixels import Pixels
from stages.scene.street import Street, parse_scene_uri

_NS_PER_S = 1_000_000_000


class SceneReader:
    """Draws frame after frame; the same address gives the same pixels."""

    def __init__(self, uri: str) -> None:
        self._options = parse_scene_uri(uri)
        self._next = 0

    def open(self, first_frame: int) -> Geometry:
        self._street = Street(self._options)
        self._next = first_frame
        return Geometry(self._options.width, self._options.height)

    def read(self, frame: Pixels) -> int:
        count = self._street.frame_count
        if count is not None and self._next >= count:
            raise EndOfSource
        self._street.draw(self._next, frame)
        self._next += 1
        return round((self._next - 1) / self._options.fps * _NS_PER_S)

    def close(self) -> None:
        """Nothing is open."""
