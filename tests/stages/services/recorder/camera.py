"""A camera that was made up: real H.264 in a real ring, at times that the test decides."""

from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np

from pipeline.client import Detection, DetectionMessage, ModelInfo
from pipeline.memory.packet import PacketFlag, Track
from pipeline.memory.packet_layout import packets_path
from pipeline.memory.packet_ring import PacketRing
from pipeline.memory.packet_view import PacketReader
from stages.readers.decoding.parameter_sets import leading_sets
from stages.services.archive.layout import NS
from tests.stages.services.archive.files import NOON_NS

FPS = 10
STEP_NS = NS // FPS
MODEL = ModelInfo("tiny", "00")
_LEVELS = 64  # greys that tell pictures apart
_WIDTH, _HEIGHT = 64, 48


def grey(number: int) -> int:
    return 20 + number % _LEVELS * 3


@cache
def coded(group: int) -> tuple[bytes, tuple[tuple[bytes, bool], ...]]:
    """Extradata, and packets that may come again and again: whole groups of pictures."""
    encoder: Any = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = _WIDTH, _HEIGHT, "yuv420p"
    encoder.time_base = Fraction(1, FPS)
    encoder.options = {
        "preset": "ultrafast", "tune": "zerolatency", "g": str(group), "sc_threshold": "0",
        "keyint_min": str(group),
    }  # fmt: skip
    packets = []
    for number in range(group * _LEVELS // np.gcd(group, _LEVELS)):
        image = np.full((_HEIGHT, _WIDTH), grey(number), np.uint8)
        frame = av.VideoFrame.from_ndarray(image, format="gray").reformat(format="yuv420p")
        frame.pts = number
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    found = tuple((bytes(packet), packet.is_keyframe) for packet in packets)
    return leading_sets(memoryview(found[0][0]), "h264"), found


class MadeUpCamera:
    """`send` puts pictures into its ring; each has the grey of its number."""

    def __init__(
        self, folder: Path, *, group: int = 10, ring_bytes: int = 1 << 20, begin_ns: int = NOON_NS
    ) -> None:
        self._begin_ns = begin_ns
        self._folder = folder
        folder.mkdir(exist_ok=True)
        self._ring = PacketRing(packets_path(folder, 0), ring_bytes)
        extradata, self._packets = coded(group)
        self._track = Track("video", "h264", extradata, (1, FPS), _WIDTH, _HEIGHT)
        self._ring.begin((self._track,))
        self.sent = 0
        self._shift_ns = 0

    def send(self, seconds: float) -> None:
        for _ in range(round(seconds * FPS)):
            data, is_key = self._packets[self.sent % len(self._packets)]
            self._ring.put(
                data,
                flags=PacketFlag.KEY if is_key else PacketFlag.NONE,
                pts=self.sent,
                dts=self.sent,
                duration=1,
                pts_ns=self.sent * STEP_NS + self._shift_ns,
                arrived_unix_ns=self.at(self.sent),
            )
            self.sent += 1

    def be_silent(self, seconds: float) -> None:
        self._shift_ns += round(seconds * NS)

    def set_clock(self, seconds: float) -> None:
        """The clock of this machine goes so much ahead, or back."""
        self._begin_ns += round(seconds * NS)

    def reconnect(self) -> None:
        """Another connection has a generation of its own."""
        self._ring.begin((Track("video", "h264", self._track.extradata, (1, FPS), 64, 48, 1),))

    def at(self, number: int) -> int:
        """When the picture of a number arrives, in UNIX time."""
        return self._begin_ns + number * STEP_NS + self._shift_ns

    @property
    def now(self) -> int:
        return self.at(self.sent)

    def open(self, _camera: str) -> PacketReader | None:
        """As `PacketView` does."""
        try:
            return PacketReader(packets_path(self._folder, 0))
        except FileNotFoundError:
            return None

    def result(self, number: int, *found: Detection) -> DetectionMessage:
        return DetectionMessage(
            v=1, host="here", camera="gate", epoch=1, frame_id=number, seq=number,
            pts_ns=number * STEP_NS, captured_mono_ns=0, captured_unix_ns=self.at(number),
            stage_ns={}, age_ms=1.0, width=_WIDTH, height=_HEIGHT, drops={}, model=MODEL,
            status="ok", detections=found, run="r1",
        )  # fmt: skip


def greys(path: Path) -> list[int]:
    """What the pictures of a film show, in order."""
    opened: Any = av.open(str(path))
    with opened as film:
        return [round(float(f.to_ndarray(format="gray").mean())) for f in film.decode(video=0)]
