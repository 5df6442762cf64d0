"""Video files, cameras and network streams: everything that OpenCV opens."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from loguru import logger

from pipeline.redact import redact
from pipeline.source import (
    EndOfSource,
    Geometry,
    GeometryChanged,
    SourceDenied,
    SourceError,
    SourceStalled,
)
from stages.kernels.pixels import Pixels
from stages.readers.ffmpeg_log import LogLines
from stages.readers.uri import is_camera, is_file

_NS_PER_MS = 1_000_000
_AV_LOG_FATAL = "8"  # FFmpeg's lines may quote the address, password included
_HEARTBEAT_FRAMES = 32  # `alive` is called once in so many frames that are passed over
_DENIED = ("401", "403")  # of HTTP and of RTSP


class VideoReader:
    """Reads one stream by its address, decoding straight into the caller's view.

    Args:
        uri: a path, a camera index, a /dev/video path or a URL.
        loop: begin again at the end.
        rtsp_transport: "tcp" or "udp".
        silence_s: how long a stream may send nothing.
        alive: called now and then while frames of a file are passed over.
        read_log: what FFmpeg has logged since the last call.
    """

    def __init__(
        self,
        uri: str,
        *,
        loop: bool = False,
        rtsp_transport: str = "tcp",
        silence_s: float = 5.0,
        alive: Callable[[], None] = lambda: None,
        read_log: Callable[[], LogLines] = LogLines,
    ) -> None:
        self._uri = uri
        self._loop = loop
        self._rtsp_transport = rtsp_transport
        self._silence_s = silence_s
        self._alive, self._read_log = alive, read_log
        self._is_file = is_file(uri)
        self._capture: cv2.VideoCapture | None = None

    def open(self, first_frame: int) -> Geometry:
        self._decoded = 0
        self._pts_base_ns = self._last_pts_ns = 0
        self._first: Pixels | None = self._connect()
        if self._is_file:
            self._skip(first_frame)
            while self._first is None:  # the size may have changed on the way
                self._first = self._decode(None)
                if self._first is None:
                    self._begin_again()
        assert self._first is not None, "a stream begins with its first frame"
        return Geometry(self._first.shape[1], self._first.shape[0])

    def read(self, frame: Pixels) -> int:
        began_s = time.monotonic()
        decoded = self._first if self._first is not None else self._decode(frame)
        if decoded is None:
            if not self._is_file:
                raise self._failure(time.monotonic() - began_s)
            self._begin_again()
            decoded = self._first
            assert decoded is not None, "a round begins with its first frame"
        if not self._is_file:
            self._check_size()
        if decoded is not frame:  # OpenCV allocates when the view does not suit
            if decoded.shape != frame.shape:
                raise GeometryChanged(f"frames are {decoded.shape[1]}x{decoded.shape[0]} now")
            np.copyto(frame, decoded)
        self._first = None
        self._count_frame()
        return self._last_pts_ns

    def close(self) -> None:
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _connect(self) -> Pixels:
        """Open the stream and return its first frame: only that tells the true size."""
        os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = self._ffmpeg_options()
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", _AV_LOG_FATAL)
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        self._read_log()  # lines of an earlier connection do not count
        self._coded_wh: tuple[int, int] | None = None
        began_s = time.monotonic()
        self._capture = _open_capture(self._uri, round(self._silence_s * 1000))
        if not self._capture.isOpened():
            raise self._refusal(time.monotonic() - began_s)
        first = self._decode(None)
        if first is None:
            raise SourceError(f"{redact(self._uri)}: expected video, got no frame")
        return first

    def _ffmpeg_options(self) -> str:
        options = f"rtsp_transport;{self._rtsp_transport}"
        if self._uri.startswith("rtsp"):
            # RTP brings the time of each frame. Guessing a rate from twenty of them would cost most
            # of a second each time that a camera is connected again.
            options += "|fpsprobesize;0"
        return options

    def _decode(self, frame: Pixels | None) -> Pixels | None:
        assert self._capture is not None, "read before open"
        ok, decoded = self._capture.read(frame)
        return decoded if ok else None  # type: ignore[return-value]  # uint8 by construction

    def _check_size(self) -> None:
        """Notice another size in mid-stream: OpenCV would scale its frames to the first one's.

        Only the decoder of H.264 reports it, in whole blocks: the frame itself may be smaller.
        """
        size = self._read_log().coded_wh
        if size is not None and self._coded_wh not in (None, size):
            raise GeometryChanged(f"frames are coded in {size[0]}x{size[1]} now")
        self._coded_wh = size or self._coded_wh

    def _skip(self, frames: int) -> None:
        """Pass over frames of a file; exact, where seeking by index is not."""
        assert self._capture is not None, "skip before open"
        skipped = 0
        while skipped < frames:
            if skipped % _HEARTBEAT_FRAMES == 0:
                self._alive()
            if self._first is not None:
                self._first = None
            elif not self._capture.grab():
                length = self._decoded
                self._begin_again()  # the base of time is one round now
                rounds = (frames - skipped) // length  # whole rounds need no decoding
                self._pts_base_ns *= 1 + rounds
                skipped += rounds * length
                continue
            self._count_frame()
            skipped += 1

    def _count_frame(self) -> None:
        self._decoded += 1
        self._last_pts_ns = self._pts_base_ns + self._position_ns()

    def _begin_again(self) -> None:
        """At the end of a file that loops: open it once more, while time goes on."""
        self._warn_if_short()
        if not self._loop:
            raise EndOfSource
        step_ns = (self._last_pts_ns - self._pts_base_ns) // max(self._decoded - 1, 1)
        self._pts_base_ns = self._last_pts_ns + step_ns
        self.close()
        self._decoded = 0
        self._first = self._connect()

    def _warn_if_short(self) -> None:
        """A file that was cut off ends like any other; its header remembers more frames."""
        assert self._capture is not None, "end before open"
        announced = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        if announced > self._decoded:
            logger.warning(
                "{}: {} frames could be decoded, its header announces {}: truncated or damaged?",
                self._uri, self._decoded, announced,
            )  # fmt: skip

    def _position_ns(self) -> int:
        assert self._capture is not None, "position before open"
        return round(self._capture.get(cv2.CAP_PROP_POS_MSEC) * _NS_PER_MS)

    def _failure(self, waited_s: float) -> SourceError:
        """Why a stream that was there gives no more frames."""
        if self._is_silence(waited_s):
            return SourceStalled(f"{redact(self._uri)}: sent nothing for {self._silence_s:g} s")
        return SourceError(f"{redact(self._uri)}: the stream ended")

    def _refusal(self, waited_s: float) -> SourceError:
        """Why it could not be opened."""
        if self._is_file and not Path(self._uri).exists():
            return SourceError(f"{self._uri}: no such file")
        address, reason = redact(self._uri), redact(self._read_log().error)
        if reason.startswith(_DENIED):
            return SourceDenied(f"{address}: user name or password refused ({reason})")
        if not self._is_file and self._is_silence(waited_s):
            reason = f"no answer within {self._silence_s:g} s"
        what = "file" if self._is_file else "stream"
        return SourceError(
            f"{address}: this {what} cannot be opened as video{': ' + reason if reason else ''}"
        )

    def _is_silence(self, waited_s: float) -> bool:
        return waited_s > self._silence_s * 0.9  # FFmpeg's timers are not exact


def _open_capture(uri: str, silence_ms: int) -> cv2.VideoCapture:
    if is_camera(uri):
        index = uri if uri.startswith("/dev/") else int(uri)
        return cv2.VideoCapture(index, cv2.CAP_V4L2)
    limits = [
        (cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, silence_ms),
        (cv2.CAP_PROP_READ_TIMEOUT_MSEC, silence_ms),
        (cv2.CAP_PROP_N_THREADS, 1),  # the process is pinned to one core
    ]
    return cv2.VideoCapture(uri, cv2.CAP_FFMPEG, [value for pair in limits for value in pair])
