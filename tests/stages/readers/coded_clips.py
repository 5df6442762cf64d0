"""Video files of any codec, made with PyAV's encoders, and what a reader makes of them."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from av.video.frame import VideoFrame

from pipeline.memory.counters import DropReason
from pipeline.memory.packet_ring import PacketRing
from pipeline.source import EndOfSource
from stages.kernels.colour import to_bgr
from stages.kernels.picture import Picture, PictureFormat
from stages.readers.file import FileReader
from stages.readers.reader import FormatChanged
from tests.clips import Size, draw

FPS = 25
FRAME_NS = 1_000_000_000 // FPS
# Encoders by name, with what makes them fast, silent and fond of B-frames.
OPTIONS: dict[str, dict[str, str]] = {
    "libx264": {"preset": "ultrafast", "bf": "2", "g": "12",
                "x264-params": "b-pyramid=normal:scenecut=0"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none:bframes=2:keyint=12:pools=1"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "b": "200k", "g": "12"},
    "libvpx": {"b": "200k"},
    "libsvtav1": {"preset": "12", "svtav1-params": "lp=1", "g": "12"},
    "mpeg2video": {"bf": "2", "g": "12", "qmin": "2", "qmax": "2"},
    "mpeg4": {"bf": "2", "g": "12", "qmin": "2", "qmax": "2"},
    "mjpeg": {"qmin": "2", "qmax": "2", "strict": "unofficial"},
    "ffv1": {},
}  # fmt: skip


@contextmanager
def keep_scheduling() -> Iterator[None]:
    """SVT-AV1 raises whoever opens it, if it may, to the highest priority there is, for good.

    findings/svt-av1-raises-its-caller.sh: the other processes of a test would starve.
    """
    policy, param = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, param)


def make_coded(
    path: Path,
    codec: str,
    indices: Iterable[int] = range(30),
    *,
    size: Size = (64, 48),
    times: Sequence[int] | None = None,
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    container: dict[str, str] | None = None,
    sar: Fraction | None = None,
    picture: Callable[[int, Size], np.ndarray] = draw,
) -> Path:
    """A clip of the frames of `tests.clips`; `times` are theirs, in frames."""
    with keep_scheduling(), av.open(str(path), "w", options=container or {}) as output:
        stream: Any = output.add_stream(codec, rate=FPS, options=OPTIONS[codec] | (options or {}))
        stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
        stream.codec_context.thread_count = 1
        if sar is not None:
            stream.codec_context.sample_aspect_ratio = sar
        for position, index in enumerate(indices):
            frame = VideoFrame.from_ndarray(picture(index, size), "bgr24").reformat(format=pix_fmt)
            frame.pts = position if times is None else times[position]
            frame.time_base = Fraction(1, FPS)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


class Read(NamedTuple):
    """All frames of a file."""

    greys: list[int]
    times_ns: list[int]
    forms: list[PictureFormat]  # one for each epoch
    form_of: list[PictureFormat]  # one for each frame
    losses: Counter[DropReason]


def read_all(
    path: Path, *, first: int = 0, most: int = 100_000, loop: bool = False, fps: float | None = None
) -> Read:
    """As a capture process does."""
    reader = FileReader(f"file:{path}", name=str(path), loop=loop, fps=fps)
    found = Read([], [], [], [], Counter())
    try:
        form = reader.open(first)
        found.forms.append(form)
        while len(found.greys) < most:
            picture = Picture(form, np.zeros(form.nbytes, np.uint8))
            try:
                captured = reader.read(picture)
            except FormatChanged as change:
                form = change.form
                found.forms.append(form)
                continue
            found.greys.append(grey_of(picture))
            found.times_ns.append(captured.pts_ns)
            found.form_of.append(form)
    except EndOfSource:
        pass
    finally:
        found.losses.update(reader.take_losses())
        reader.close()
    return found


def grey_of(picture: Picture) -> int:
    bgr = np.empty((picture.form.height, picture.form.width, 3), np.uint8)
    to_bgr(picture, bgr)
    return round(float(bgr.mean()))


def packets_of(path: Path) -> list[tuple[int, int]]:
    """(position, bytes) of each packet of the video track."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        return [(packet.pos or 0, packet.size) for packet in packets]


def read_into_ring(
    path: Path, ring: PacketRing, most: int = 100_000, *, first: int = 0, loop: bool = False
) -> list[int]:
    """Times of the frames that a capture process reads while it keeps their packets."""
    reader = FileReader(f"file:{path}", name=str(path), loop=loop)
    reader.packets = ring
    times_ns: list[int] = []
    try:
        form = reader.open(first)
        while len(times_ns) < most:
            try:
                captured = reader.read(Picture(form, np.zeros(form.nbytes, np.uint8)))
            except FormatChanged as change:
                form = change.form
                continue
            times_ns.append(captured.pts_ns)
    except EndOfSource:
        pass
    finally:
        reader.close()
    return times_ns
