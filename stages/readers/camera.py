"""A camera of this machine: USB cameras and all others that V4L2 has."""

import errno
import math
import os
import time
from collections import Counter

import cv2
import numpy as np

from pipeline.logger import logger
from pipeline.memory.counters import DropReason
from pipeline.realtime import monotonic_ns
from pipeline.source import Captured, PtsOrigin, SourceError, SourceStalled
from stages.config import V4l2Config
from stages.kernels.picture import Picture, PictureFormat, bgr_format
from stages.kernels.pixels import Pixels
from stages.readers.reader import FormatChanged
from stages.readers.v4l2.device import Device, Mode

_NS_PER_MS = 1_000_000
_JPEG = frozenset(cv2.VideoWriter.fourcc(*name) for name in ("MJPG", "JPEG"))
_FPS_TOLERANCE = 0.05  # 29.97 is what was asked for with 30
_HINTS = {
    errno.ENOENT: "this camera is not there",
    errno.EACCES: "this camera may not be opened: the user needs the group 'video'",
    errno.ENOTTY: "expected a camera, got what answers to no call of V4L2",
    errno.ENODEV: "expected a camera, got a device that sends no video",
}


class CameraReader:
    """Reads a camera through V4L2, decoding straight into the caller's view.

    Args:
        path: of the device.
        wish: how it shall send; what is left out is up to OpenCV and the driver.
        silence_s: how long it may send nothing.
    """

    def __init__(self, path: str, wish: V4l2Config, silence_s: float = 5.0) -> None:
        self._path = path
        self._wish = Mode(wish.format, wish.size, wish.fps)
        self._silence_s = silence_s
        self._said = ""  # the mode of the last connection: the same is not logged again
        self._capture: cv2.VideoCapture | None = None
        self._losses = Counter[DropReason]()
        self.pts_origin = PtsOrigin.STREAM

    def open(self, first_frame: int) -> PictureFormat:
        check_device(self._path)
        # OpenCV reads this before the first frame of the process, in whole seconds.
        os.environ["OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"] = str(math.ceil(self._silence_s))
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        self._capture = cv2.VideoCapture(self._path, cv2.CAP_V4L2)
        if self._capture.isOpened():
            self._ask(self._capture)
        if not self._capture.isOpened():  # a wish may close it, too
            raise SourceError(
                f"{self._path}: the camera does not start: is another program using it, or is its "
                "USB bus full?"
            )
        self._is_jpeg = int(self._capture.get(cv2.CAP_PROP_FOURCC)) in _JPEG
        # OpenCV 5.0.0 gives the image before once more where a JPEG is damaged.
        self._capture.set(cv2.CAP_PROP_CONVERT_RGB, float(not self._is_jpeg))
        self._ahead: Pixels | None = self._decode(None)
        has_clock = self._driver_ns(self._capture) > 0
        self.pts_origin = PtsOrigin.STREAM if has_clock else PtsOrigin.ARRIVAL
        self._say_mode(self._ahead)
        return _format_of(self._ahead)

    def read(self, picture: Picture) -> Captured:
        assert self._capture is not None, "read before open"
        decoded = self._ahead if self._ahead is not None else self._decode(picture.bgr)
        if decoded is not picture.bgr:  # OpenCV allocates when the view does not suit
            if decoded.shape != picture.bgr.shape:
                self._ahead = decoded
                raise FormatChanged(_format_of(decoded))
            np.copyto(picture.bgr, decoded)
        self._ahead = None
        return Captured(self._driver_ns(self._capture) or monotonic_ns())

    def take_losses(self) -> Counter[DropReason]:
        losses, self._losses = self._losses, Counter()
        return losses

    def close(self) -> None:
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _ask(self, capture: cv2.VideoCapture) -> None:
        """In this order: each may change what the camera can do of the next."""
        if self._wish.format is not None:
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*self._wish.format))
        if self._wish.size_wh is not None:
            width, height = self._wish.size_wh
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)  # takes effect with the height
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
        if self._wish.fps is not None:
            capture.set(cv2.CAP_PROP_FPS, self._wish.fps)

    def _decode(self, frame: Pixels | None) -> Pixels:
        """The next frame that can be decoded. Raises SourceError."""
        assert self._capture is not None, "read before open"
        began_s = time.monotonic()
        while self._capture.grab():
            decoded = self._retrieve(self._capture, frame)
            if decoded is not None:
                return decoded
            self._losses[DropReason.UNDECODABLE] += 1
            if time.monotonic() - began_s > self._silence_s:
                raise SourceStalled(
                    f"{self._path}: no frame could be decoded for {self._silence_s:g} s"
                )
        if time.monotonic() - began_s > self._silence_s * 0.9:
            raise SourceStalled(f"{self._path}: sent nothing for {self._silence_s:g} s")
        gone = "" if os.path.exists(self._path) else ": it was unplugged"
        raise SourceError(f"{self._path}: the camera stopped{gone}")

    def _retrieve(self, capture: cv2.VideoCapture, frame: Pixels | None) -> Pixels | None:
        """The grabbed frame as BGR; None if it is damaged."""
        if not self._is_jpeg:
            ok, decoded = capture.retrieve(frame)
            return decoded if ok and decoded.ndim == 3 else None  # type: ignore[return-value]
        ok, coded = capture.retrieve()
        if not ok or not coded.size:
            return None
        return cv2.imdecode(coded, cv2.IMREAD_COLOR)  # type: ignore[return-value]

    def _driver_ns(self, capture: cv2.VideoCapture) -> int:
        """The driver's time of the frame; 0 where it gives none."""
        return max(round(capture.get(cv2.CAP_PROP_POS_MSEC) * _NS_PER_MS), 0)

    def _say_mode(self, first: Pixels) -> None:
        """Log how the camera sends, and warn where that is not what was asked for."""
        try:
            with Device(self._path) as device:
                told = device.mode()
        except OSError:
            told = Mode(None, None, None)
        got = told._replace(size_wh=(first.shape[1], first.shape[0]))
        if str(got) == self._said:
            return
        self._said = str(got)
        if _suits(got, self._wish):
            logger.info("{}: sends {}", self._path, got)
        else:
            logger.warning("{}: asked for {}, sends {}", self._path, self._wish, got)


def _format_of(image: Pixels) -> PictureFormat:
    return bgr_format(image.shape[1], image.shape[0])


def check_device(path: str) -> None:
    """Say what is wrong with a camera where it is known; OpenCV only says that it cannot open it.

    Raises:
        SourceError: it is not there, may not be opened, or is no camera.
    """
    try:
        with Device(path):
            pass
    except OSError as error:
        reason = _HINTS.get(error.errno or 0, error.strerror)
        raise SourceError(f"{path}: {reason}") from None


def _suits(got: Mode, wish: Mode) -> bool:
    if wish.format not in (None, got.format) or wish.size_wh not in (None, got.size_wh):
        return False
    if wish.fps is None or got.fps is None:
        return wish.fps is None
    return abs(got.fps - wish.fps) <= wish.fps * _FPS_TOLERANCE
