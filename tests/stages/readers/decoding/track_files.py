"""Files of several tracks, made by tests."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.stream import Disposition
from av.video.frame import VideoFrame

NONE, DEFAULT, COVER = Disposition(0), Disposition.default, Disposition.attached_pic


def make_tracks(
    path: Path, tracks: list[tuple[str, int, Disposition]], *, sound: bool = False
) -> Path:
    """Video tracks (codec, width, disposition) of five frames, and half a second of sound."""
    with av.open(str(path), "w") as output:
        streams: list[Any] = []
        for codec, width, disposition in tracks:
            stream: Any = output.add_stream(codec, rate=25)
            stream.width, stream.height = width, 48
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            stream.disposition = disposition
            streams.append(stream)
        if sound:
            tone: Any = output.add_stream("aac", rate=16_000)
            samples = AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), "fltp", "mono")
            samples.sample_rate = 16_000
        for stream in streams:
            single = stream.disposition & Disposition.attached_pic
            for index in range(1 if single else 5):
                frame = VideoFrame(stream.width, 48, stream.pix_fmt)
                frame.pts, frame.time_base = index, Fraction(1, 25)
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
        if sound:
            output.mux([*tone.encode(samples), *tone.encode(None)])
    return path
