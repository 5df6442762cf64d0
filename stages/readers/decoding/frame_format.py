"""From a decoder's frame to the picture in a slot: planes as they are, upright, one field of two.

Nothing is converted that need not be: the planes of the usual formats are copied once. Others
(4:2:2, 4:4:4, ten bits) are reduced to the usual one by libswscale, and RGB becomes BGR.
"""

import gc
from fractions import Fraction
from typing import Any, NamedTuple

import cv2
import numpy as np
from av.sidedata.sidedata import Type as SideDataType
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from stages.kernels.orientation import orientation_of, turn_into
from stages.kernels.picture import Layout, Matrix, Picture, PictureFormat
from stages.kernels.pixels import Pixels

_PLANAR = {"yuv420p": False, "yuvj420p": True}  # whether the name alone says full range
# AVColorSpace and AVColorRange. What is not named is BT.601 and limited, as everywhere in FFmpeg.
_MATRICES = {1: Matrix.BT709, 7: Matrix.BT709, 9: Matrix.BT2020, 10: Matrix.BT2020}
_FULL_RANGE = 2
_GREY = frozenset({"gray", "gray10le", "gray12le", "gray16le", "ya8", "monow", "monob"})
_MOST_SAR = 16  # a ratio beyond this is a fault of the file, not a shape of pixels


def _name_unknown(cls: type[SideDataType], number: object) -> SideDataType:
    """What PyAV 18.1 has no name for, such as the EXIF data of FFmpeg 8.1.

    Without a name, none of the side data of such a frame could be read.
    """
    member: Any = object.__new__(cls)
    member._name_, member._value_ = f"UNKNOWN_{number}", number
    named: SideDataType = member
    return named


setattr(SideDataType, "_missing_", classmethod(_name_unknown))  # noqa: B010 - it is not declared


class Described(NamedTuple):
    """A decoded frame, and the format that it has in a slot."""

    frame: VideoFrame
    form: PictureFormat


class FrameFormatter:
    """Describes and copies the frames of one stream."""

    def __init__(self) -> None:
        self._orientation = 1
        self._known: tuple[object, PictureFormat] | None = None  # of the last frame, and by what
        self._reformatter = VideoReformatter()

    def describe(self, frame: VideoFrame, sar: Fraction) -> Described:
        """The format of a frame; `sar` is 0 where the stream says nothing."""
        if frame.key_frame:  # looked for where it may change: side data costs some microseconds
            self._orientation = _read_orientation(frame)
        signs = (
            frame.width, frame.height, frame.format.name, frame.colorspace, frame.color_range,
            sar.as_integer_ratio(), self._orientation,
        )  # fmt: skip
        if self._known is None or self._known[0] != signs:
            self._known = signs, self._format_of(frame, sar)
        return Described(frame, self._known[1])

    def _format_of(self, frame: VideoFrame, sar: Fraction) -> PictureFormat:
        width, height = frame.width, frame.height
        if self._orientation > 4:
            width, height = height, width
        is_rgb = _is_rgb(frame)
        return PictureFormat(
            layout=Layout.BGR if is_rgb else Layout.I420,
            width=width,
            height=height,
            matrix=_MATRICES.get(frame.colorspace, Matrix.BT601),
            full_range=not is_rgb and _is_full_range(frame),
            sar=_usable_sar(sar),
            orientation=self._orientation,
        )

    def write(self, described: Described, picture: Picture) -> None:
        """Copy the pixels of a frame into a picture of its format."""
        frame, form = described
        if form.layout is Layout.BGR:
            frame = self._convert(frame, "bgr24", full_range=True)
        elif frame.format.name not in _PLANAR:
            # Where libswscale halves packed chroma, it leaves the edge of odd sizes unwritten.
            is_odd = frame.width % 2 or frame.height % 2
            name = f"yuv{'j' if form.full_range else ''}{'444p' if is_odd else '420p'}"
            frame = self._convert(frame, name, full_range=form.full_range)
        planes: Any = frame.planes  # buffers, which the stubs of PyAV do not say
        for plane, target in zip(planes, picture.planes, strict=True):
            rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
            pixels: Pixels = rows[:, : plane.width]
            if form.layout is Layout.BGR:
                pixels = rows[:, : plane.width * 3].reshape(plane.height, plane.width, 3)
            if form.layout is Layout.I420 and pixels.size > target.size:
                half_wh = (plane.width + 1) // 2, (plane.height + 1) // 2
                pixels = np.asarray(cv2.resize(pixels, half_wh, interpolation=cv2.INTER_AREA))
            if described.frame.interlaced_frame and plane.height > 2:
                pixels = _whole_from_field(pixels)
            turn_into(pixels, form.orientation, target)

    def _convert(self, frame: VideoFrame, name: str, *, full_range: bool) -> VideoFrame:
        source = _FULL_RANGE if _is_full_range(frame) else 1
        return self._reformatter.reformat(
            frame, format=name, src_color_range=source, threads=1,
            dst_color_range=_FULL_RANGE if full_range else 1,
            src_colorspace=frame.colorspace, dst_colorspace=frame.colorspace,
        )  # fmt: skip


def _whole_from_field(pixels: Pixels) -> Pixels:
    """A picture of the upper field alone: the two were taken at two moments.

    Its lines stay where they are; those between are the mean of their neighbours. docs/sources.md
    has what this does to detections, beside both fields as they are, yadif and bwdif.
    """
    field = pixels[::2]
    whole = np.empty_like(pixels)
    whole[::2] = field
    between = cv2.addWeighted(field[:-1], 0.5, field[1:], 0.5, 0.0)
    whole[1 : 2 * len(between) : 2] = between.reshape(field[1:].shape)
    if len(pixels) % 2 == 0:
        whole[-1] = field[-1]
    return whole


def _is_rgb(frame: VideoFrame) -> bool:
    return frame.format.is_rgb or frame.format.has_palette or frame.format.is_bayer


def _is_full_range(frame: VideoFrame) -> bool:
    name = frame.format.name
    return frame.color_range == _FULL_RANGE or name.startswith("yuvj") or name in _GREY


def _read_orientation(frame: VideoFrame) -> int:
    # A frame and its side data refer to each other (PyAV 18.1). Nothing else frees those of earlier
    # frames in a process of the line, which collects no garbage; with its heap frozen it is 12 us.
    if not gc.isenabled():
        gc.collect()
    entries: Any = frame.side_data  # the stubs of PyAV have another type
    matrix = entries.get("DISPLAYMATRIX")
    return 1 if matrix is None else orientation_of(np.frombuffer(matrix, "<i4", 9))


def _usable_sar(sar: Fraction) -> tuple[int, int]:
    if sar <= 0 or not Fraction(1, _MOST_SAR) <= sar <= _MOST_SAR:
        return 1, 1
    return sar.numerator, sar.denominator
