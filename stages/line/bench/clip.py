"""What the measured cameras send: some seconds of the drawn street, coded as a camera codes."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline.errors import LineError
from stages.kernels.boxes import Wh
from stages.scene.options import StreetOptions
from stages.scene.street import Street

FPS = 25
SECONDS = 4
_STREET = StreetOptions(seed=7, fps=FPS)
_BIT_RATE = 4_000_000  # of 1280x720; other sizes have as many bits a pixel
# Whichever the wheel of PyAV has. No B-frames, and a key frame each two seconds, as cameras do.
_CODERS: dict[str, dict[str, str]] = {
    "libx264": {"preset": "veryfast", "tune": "zerolatency"},
    "libopenh264": {"rc_mode": "bitrate"},
}


def make_clip(path: Path, size_wh: Wh) -> Iterator[None]:
    """Write the clip as MP4 to `path`, in many small steps.

    Raises:
        LineError: nothing here codes H.264, or the file cannot be written.
    """
    width, height = size_wh
    street = Street(StreetOptions(seed=_STREET.seed, fps=_STREET.fps, width=width, height=height))
    frame = np.empty((height, width, 3), np.uint8)
    try:
        with av.open(str(path), "w") as container:
            video = _add_video(container, size_wh)
            for number in range(FPS * SECONDS):
                street.draw(number, frame)
                picture = VideoFrame.from_ndarray(frame, format="bgr24")
                picture.pts, picture.time_base = number, Fraction(1, FPS)
                container.mux(video.encode(picture))
                yield
            container.mux(video.encode(None))
    except (OSError, av.error.FFmpegError) as error:
        raise LineError(f"{path}: the clip to measure with cannot be written: {error}") from None


def _add_video(container: OutputContainer, size_wh: Wh) -> VideoStream:
    width, height = size_wh
    for name, options in _CODERS.items():
        if name in av.codecs_available:
            video = container.add_stream(name, rate=FPS, options=options)
            assert isinstance(video, VideoStream)
            video.width, video.height, video.pix_fmt = width, height, "yuv420p"
            video.bit_rate = _BIT_RATE * width * height // (1280 * 720)
            video.gop_size = 2 * FPS
            return video
    raise LineError(f"expected PyAV with one of {', '.join(_CODERS)} to make a clip")
