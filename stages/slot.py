"""What a slot of shared memory holds of one frame, a typed view of it, and what travels on."""

import struct
from functools import lru_cache
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from pipeline.links.parcel import Body
from pipeline.memory.ring import Area
from pipeline.memory.ring_layout import AreaSpec
from pipeline.source import PtsOrigin
from stages.kernels.boxes import Wh
from stages.kernels.detections import encoded_size
from stages.kernels.picture import WORDS, Picture, PictureFormat
from stages.kernels.pixels import Pixels

_FORMAT = struct.Struct(f"={WORDS + 1}i")
_TRACKED = struct.Struct("=qQ")  # frame_id, length of what follows


@lru_cache
def _read_format(words: bytes) -> PictureFormat:
    """What the words of a slot mean; a camera's frames have the same for hours."""
    return PictureFormat.from_words(_FORMAT.unpack(words)[:WORDS])


class SlotShape(msgspec.Struct, frozen=True):
    """What the model and the graph ask of a slot, whatever the camera."""

    network_wh: tuple[int, int]
    max_rois: int
    classes: int
    canvas: bool  # room for an image to draw on
    tracked: int = 0  # detections at most, of a camera whose objects are tracked

    def areas(self, form: PictureFormat) -> dict[str, AreaSpec]:
        """The parts of a slot for such frames; `Slot` gives them types."""
        network_w, network_h = self.network_wh
        areas = {
            "frame": AreaSpec((form.nbytes,), "u1"),
            "format": AreaSpec((WORDS + 1,), "i4"),
            "tensor": AreaSpec((network_h, network_w, 3), "u1"),
            "boxes": AreaSpec((self.max_rois, 4), "f4"),
            "scores": AreaSpec((self.max_rois, self.classes), "f4"),
            "rois": AreaSpec((1,), "i4"),  # how many rows of `boxes` and `scores` are meant
            "message": AreaSpec((2,), "i8"),  # one more than the frame's number; `seq`
        }
        if self.tracked:
            areas["tracked"] = AreaSpec((_TRACKED.size + encoded_size(self.tracked),), "u1")
        if self.canvas:
            width, height = form.display_wh
            areas["canvas"] = AreaSpec((height, width, 3), "u1")
        return areas


class DetectionBody(Body, frozen=True, tag="detections"):
    """Detections of one frame, as `stages.kernels.detections` encodes them.

    Where objects are tracked, also the events of the frame and the counts after it, as
    `stages.events` encodes them; empty if there are none.
    """

    encoded: bytes
    events: bytes = b""
    tallies: bytes = b""


class PublishedBody(Body, frozen=True, tag="published"):
    """A `DetectionMessage`, as it was published, and the `EventMessage`s of the frame; msgpack."""

    message: bytes
    events: tuple[bytes, ...] = ()


class Areas(Protocol):
    """Areas by name: a `Frame` of `pipeline.stage`, or a slot of the ring."""

    def __getitem__(self, name: str, /) -> Area: ...


class Slot:
    """The areas of a frame's slot, by name and type. Each is written by one stage.

    | area     | written by   | read by                                          |
    |----------|--------------|--------------------------------------------------|
    | `frame`  | `capture`    | `preprocess`, `overlay`                          |
    | `format` | `capture`    | all: what the bytes of `frame` mean              |
    | `tensor` | `preprocess` | `detect`; its size by `postprocess`              |
    | `rois`   | `detect`     | `postprocess`                                    |
    | `tracked`| `track`      | a successor of `track`; where objects are tracked |
    | `message`| `publish`    | a successor of `publish`                         |
    | `canvas` | `overlay`    | `record_video`; exists only where a video is made |
    """

    def __init__(self, areas: Areas) -> None:
        self._areas = areas

    def write_format(self, form: PictureFormat, pts_origin: PtsOrigin) -> Picture:
        """Set what `frame` holds; returns the picture, to be filled."""
        _FORMAT.pack_into(self._areas["format"].data, 0, *form.to_words(), pts_origin)
        return Picture(form, self._areas["frame"])

    @property
    def form(self) -> PictureFormat:
        return _read_format(self._areas["format"].tobytes())

    @property
    def picture(self) -> Picture:
        """As captured."""
        return Picture(self.form, self._areas["frame"])

    @property
    def pts_origin(self) -> PtsOrigin:
        return PtsOrigin(int(self._areas["format"][WORDS]))

    @property
    def frame_wh(self) -> Wh:
        """(width, height) in square pixels: that in which boxes are given."""
        return self.form.display_wh

    @property
    def tensor(self) -> Pixels:
        """(h, w, 3) BGR, the frame warped to the network's input."""
        return self._areas["tensor"]

    @property
    def network_wh(self) -> Wh:
        height, width = self._areas["tensor"].shape[:2]
        return width, height

    @property
    def rois(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Boxes (R, 4) xyxy in pixels of the network input, and class probabilities (R, C)."""
        count = int(self._areas["rois"][0])
        return self._areas["boxes"][:count], self._areas["scores"][:count]

    def write_rois(self, boxes_net: NDArray[np.float32], scores: NDArray[np.float32]) -> None:
        """Set `rois`; there are `max_rois` at most."""
        count = len(boxes_net)
        np.copyto(self._areas["boxes"][:count], boxes_net)
        np.copyto(self._areas["scores"][:count], scores)
        self._areas["rois"][0] = count

    def write_tracked(self, frame_id: int, encoded: bytes) -> None:
        """Keep what the tracker says of the frame, for a successor of its process."""
        area = self._areas["tracked"].data
        _TRACKED.pack_into(area, 0, frame_id, len(encoded))
        area[_TRACKED.size : _TRACKED.size + len(encoded)] = encoded

    def find_tracked(self, frame_id: int) -> bytes | None:
        """What the tracker said of the frame; None if it is not in this slot."""
        area = self._areas["tracked"].data
        written_id, length = _TRACKED.unpack_from(area)
        if written_id != frame_id or length == 0:  # the first frame is 0, as is fresh memory
            return None
        return bytes(area[_TRACKED.size : _TRACKED.size + length])

    def write_seq(self, frame_id: int, seq: int) -> None:
        """Keep the number of the frame's message, for a successor of the process that sends it."""
        self._areas["message"][:] = frame_id + 1, seq  # fresh memory is all 0

    def find_seq(self, frame_id: int) -> int | None:
        """The number of the frame's message; None if it was not sent from this slot."""
        written, seq = self._areas["message"].tolist()
        return seq if written == frame_id + 1 else None

    @property
    def canvas(self) -> Pixels:
        """(H, W, 3) BGR in square pixels, the frame with what is drawn on it."""
        return self._areas["canvas"]
