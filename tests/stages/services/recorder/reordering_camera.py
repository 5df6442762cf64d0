"""A camera that was made up, whose pictures are sent in another order than they are shown."""

from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np

from pipeline.memory.packet import PacketFlag, Track
from stages.readers.decoding.parameter_sets import leading_sets
from tests.stages.services.recorder.camera import FPS, STEP_NS, MadeUpCamera, grey

_SIZE = (64, 48)
_PICTURES = 400
_GROUP = 10


@cache
def reordered() -> tuple[tuple[bytes, bool, int, int], ...]:
    """Data, whether it is a key frame, PTS and DTS in pictures; two of three are B frames."""
    encoder: Any = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height = _SIZE
    encoder.pix_fmt, encoder.time_base = "yuv420p", Fraction(1, FPS)
    encoder.options = {
        "preset": "veryfast", "g": str(_GROUP), "keyint_min": str(_GROUP), "bf": "2",
        "sc_threshold": "0", "x264-params": "b-adapt=0:bframes=2:open-gop=0",
    }  # fmt: skip
    packets = []
    for number in range(_PICTURES):
        image = np.full(_SIZE[::-1], grey(number), np.uint8)
        frame = av.VideoFrame.from_ndarray(image, format="gray").reformat(format="yuv420p")
        frame.pts = number
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    return tuple((bytes(p), p.is_keyframe, p.pts, p.dts) for p in packets)


class ReorderingCamera(MadeUpCamera):
    """Each picture still has the grey of its number, by which it is shown."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        sets = leading_sets(memoryview(reordered()[0][0]), "h264")
        self._ring.begin((Track("video", "h264", sets, (1, FPS), *_SIZE),))

    def send(self, seconds: float) -> None:
        for _ in range(round(seconds * FPS)):
            data, is_key, pts, dts = reordered()[self.sent]
            self._ring.put(
                data,
                flags=PacketFlag.KEY if is_key else PacketFlag.NONE,
                pts=pts,
                dts=dts,
                duration=1,
                pts_ns=pts * STEP_NS + self._shift_ns,
                arrived_unix_ns=self.at(self.sent),
            )
            self.sent += 1
