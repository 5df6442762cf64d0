"""Frames of every pixel format become the picture that libswscale would show."""

import gc
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from stages.kernels.colour import to_bgr
from stages.kernels.picture import Layout, Matrix, Picture
from stages.readers.decoding.frame_format import FrameFormatter
from tests.clips import level
from tests.stages.kernels.planes import WITHIN, difference, smooth
from tests.stages.kernels.test_orientation import MATRICES
from tests.stages.readers.coded_clips import make_coded, read_all

FORMATS = [
    "yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "yuv420p10le",
    "yuv422p10le", "yuv444p12le", "yuv440p", "yuv411p", "yuv410p", "yuva420p", "nv12", "nv21",
    "p010le", "yuyv422", "gray", "gray16le", "ya8", "rgb24", "bgr24", "bgra", "argb", "gbrp",
    "gbrp10le", "gbrap", "rgb48le", "rgb555le",
]  # fmt: skip


def shown(frame: VideoFrame) -> np.ndarray:
    formatter = FrameFormatter()
    described = formatter.describe(frame, Fraction(0))
    picture = Picture(described.form, np.zeros(described.form.nbytes, np.uint8))
    formatter.write(described, picture)
    out = np.empty((frame.height, frame.width, 3), np.uint8)
    to_bgr(picture, out)
    return out


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("colorspace", [1, 5, 9])
def test_every_pixel_format_is_shown_as_libswscale_does(name: str, colorspace: int) -> None:
    # libswscale itself fills the edge of these wrongly now and then at odd sizes.
    is_deep = any(depth in name for depth in ("10le", "12le", "16le", "48le"))
    for size in ((160, 90), (162, 94) if is_deep else (161, 91)):
        for span in (1, 2):
            frame = VideoReformatter().reformat(
                VideoFrame.from_ndarray(smooth(*size), "bgr24"), format=name,
                dst_colorspace=colorspace, dst_color_range=span,
            )  # fmt: skip
            frame.colorspace, frame.color_range = colorspace, span
            expected = VideoReformatter().reformat(
                frame, format="bgr24", src_colorspace=colorspace, dst_colorspace=colorspace
            )
            assert difference(shown(frame), expected.to_ndarray()) < WITHIN, (size, span)


@pytest.mark.parametrize("name", ["yuv420p", "yuv444p", "yuv420p10le", "nv12", "gray", "bgr24"])
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (1, 4)])
def test_the_smallest_frames_are_shown(name: str, size: tuple[int, int]) -> None:
    flat = np.full((size[1], size[0], 3), 150, np.uint8)
    if name == "yuv420p10le":  # which libswscale itself fills wrongly now and then at such sizes
        frame = VideoFrame(*size, name)
        for plane, level in zip(frame.planes, (579, 512, 512), strict=True):
            plane.update(np.full(plane.buffer_size // 2, level, "<u2").tobytes())
    else:
        frame = VideoReformatter().reformat(VideoFrame.from_ndarray(flat, "bgr24"), format=name)
    assert difference(shown(frame), flat) < WITHIN


def test_planes_are_not_touched_and_rgb_becomes_bgr() -> None:
    formatter = FrameFormatter()
    forms = {
        name: formatter.describe(VideoFrame(64, 48, name), Fraction(0)).form
        for name in ("yuv420p", "yuvj420p", "rgb24", "pal8")
    }
    assert forms["yuv420p"].layout is forms["yuvj420p"].layout is Layout.I420
    assert forms["rgb24"].layout is forms["pal8"].layout is Layout.BGR
    assert [forms[name].full_range for name in ("yuv420p", "yuvj420p")] == [False, True]
    assert forms["yuv420p"].matrix is Matrix.BT601


@pytest.mark.parametrize(
    ("sar", "usable"),
    [("0", (1, 1)), ("-1", (1, 1)), ("4/3", (4, 3)), ("1/20", (1, 1)), ("999999", (1, 1))],
)
def test_absurd_shapes_of_pixels_are_square(sar: str, usable: tuple[int, int]) -> None:
    form = FrameFormatter().describe(VideoFrame(64, 48, "yuv420p"), Fraction(sar)).form
    assert form.sar == usable


@pytest.mark.parametrize("orientation", range(1, 9))
def test_films_are_shown_upright(tmp_path: Path, orientation: int) -> None:
    """The matrix of an MP4's track header, ISO/IEC 14496-12, 8.3.2."""
    path = make_coded(tmp_path / "clip.mp4", "libx264", range(3), size=(64, 48))
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 4 + 20 + 16
    plain = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    assert data[at : at + 36] == plain
    a, b, c, d = (value << 16 for value in MATRICES[orientation])
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    found = read_all(path)
    assert {form.orientation for form in found.form_of} == {orientation}
    assert found.forms[0].display_wh == ((64, 48) if orientation < 5 else (48, 64))


@pytest.mark.parametrize(("codec", "suffix"), [("libx264", "mp4"), ("mpeg2video", "ts")])
def test_interlaced_frames_are_their_upper_field(tmp_path: Path, codec: str, suffix: str) -> None:
    """The lower field was taken later: here it is darker, and leaves no trace."""
    path = tmp_path / f"clip.{suffix}"
    options = {"flags": "+ildct+ilme"} | ({"x264-params": "tff=1"} if codec == "libx264" else {})
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream(
            codec, rate=25, options=options | {"qmin": "2", "qmax": "2"}
        )
        stream.width, stream.height, stream.pix_fmt = 64, 96, "yuv420p"
        for index in range(6):
            picture = np.full((96, 64, 3), level(index), np.uint8)
            picture[1::2] = 60
            frame = VideoFrame.from_ndarray(picture, "bgr24").reformat(
                format="yuv420p", interpolation="POINT"
            )
            frame.pts, frame.time_base = index, Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    with av.open(str(path)) as source:
        assert all(frame.interlaced_frame for frame in source.decode(video=0))
    found = read_all(path)
    assert len(found.greys) == 6
    for index, grey in enumerate(found.greys):
        assert abs(grey - level(index)) < 12


def test_frames_are_freed_where_no_garbage_is_collected(tmp_path: Path) -> None:
    """As in the processes of a line. Each picture of Motion JPEG is a key frame."""
    path = make_coded(tmp_path / "clip.mkv", "mjpeg", range(50), pix_fmt="yuvj420p")
    formatter = FrameFormatter()
    gc.collect()
    gc.disable()
    gc.freeze()
    try:
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                formatter.describe(frame, Fraction(0))
        assert sum(isinstance(thing, VideoFrame) for thing in gc.get_objects()) < 5
    finally:
        gc.unfreeze()
        gc.enable()
