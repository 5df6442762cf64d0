"""Frames of a film are those that a line's capture has of it."""

import contextlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from models.evaluate.film import read_film
from pipeline.source import EndOfSource
from stages.kernels.colour import to_bgr
from stages.kernels.picture import Picture
from stages.kernels.pixels import Pixels
from stages.readers.file import FileReader
from tests.models.tiny_film import write_film

pytestmark = pytest.mark.torch

FRAMES = 4
WH = (96, 64)
BT709, BT2020, PQ = 1, 9, 16  # ITU-T H.273
COLOURS = np.array(
    [[[255, 0, 0], [0, 255, 0], [0, 0, 255]], [[40, 60, 200], [170, 200, 230], [128, 128, 128]]],
    np.uint8,
)


def set_hdr(stream: Any) -> None:
    context = stream.codec_context
    context.color_primaries, context.color_trc, context.colorspace = BT2020, PQ, BT2020
    context.color_range = 1


def set_shape(stream: Any) -> None:
    stream.codec_context.sample_aspect_ratio = Fraction(4, 3)


def set_fields(stream: Any) -> None:
    stream.options = stream.options | {"flags": "+ildct+ilme", "x264-params": "tff=1"}


def set_nothing(stream: Any) -> None:
    """8 bits, BT.601, as most are."""


def write_colours(path: Path, pix_fmt: str, set_up: Callable[[Any], None]) -> Path:
    """Six patches, which move down by a line of pixels from frame to frame."""
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream("libx264", rate=25, options={"qp": "4"})
        stream.width, stream.height, stream.pix_fmt = *WH, pix_fmt
        set_up(stream)
        patches = COLOURS.repeat(WH[1] // 2, 0).repeat(WH[0] // 3, 1)
        for index in range(FRAMES):
            image = np.roll(patches, index, 0)
            frame = VideoFrame.from_ndarray(image, "bgr24").reformat(format=pix_fmt)
            frame.colorspace, frame.color_range = stream.codec_context.colorspace, 1
            frame.pts, frame.time_base = index, Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def captured(path: Path) -> Iterator[Pixels]:
    """The frames that the line's capture has of a file, as they are displayed."""
    with contextlib.closing(FileReader(f"file:{path}", name=path.name)) as reader:
        form = reader.open(0)
        width, height = form.display_wh
        with contextlib.suppress(EndOfSource):
            while True:
                picture = Picture(form, np.zeros(form.nbytes, np.uint8))
                reader.read(picture)
                shown = np.empty((height, width, 3), np.uint8)
                to_bgr(picture, shown)
                yield shown


@pytest.mark.parametrize(
    ("pix_fmt", "set_up"),
    [
        ("yuv420p", set_nothing),
        ("yuv420p10le", set_hdr),
        ("yuv420p", set_hdr),
        ("yuv420p", set_shape),
        ("yuv420p", set_fields),
    ],
)
def test_frames_are_those_of_capture(
    tmp_path: Path, pix_fmt: str, set_up: Callable[[Any], None]
) -> None:
    film = write_colours(tmp_path / "film.mp4", pix_fmt, set_up)
    expected, found = list(captured(film)), list(read_film(film))
    assert len(expected) == len(found) == FRAMES
    for frame, shown in zip(found, expected, strict=True):
        assert frame.shape == shown.shape
        np.testing.assert_allclose(frame.astype(int), shown.astype(int), rtol=0, atol=2)


def test_damage_costs_the_frames_that_it_hits(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.avi", [10 * n for n in range(20)])
    data = bytearray(film.read_bytes())
    at = data.index(b"00dc", data.index(b"movi"))  # the first picture
    size = int.from_bytes(data[at + 4 : at + 8], "little")
    data[at + 8 : at + 8 + size] = bytes(size)
    film.write_bytes(data)
    greys = [round(float(frame.mean())) for frame in read_film(film)]
    assert len(greys) == 19
    np.testing.assert_allclose(greys, [10 * n for n in range(1, 20)], rtol=0, atol=3)
