"""Each frame is coded at once, whichever encoder PyAV has."""

import av
import numpy as np
import pytest

from stages.kernels.pixels import Pixels
from stages.services.media import h264_encoder
from stages.services.media.h264_encoder import TICKS, H264Encoder, NoEncoder
from stages.services.media.nal_units import h264_sets, make_avcc, split, with_lengths

WH = (64, 48)


def image(level: int, height: int = 48, width: int = 64) -> Pixels:
    return np.full((height, width, 3), level, np.uint8)


def decode(avcc: bytes, packets: list[bytes]) -> list[tuple[int, int, int]]:
    """BGR in the middle of each picture, from units with lengths."""
    decoder = av.CodecContext.create("h264", "r")
    decoder.extradata = avcc
    frames = [frame for data in packets for frame in decoder.decode(av.Packet(data))]
    frames += decoder.decode(None)
    return [tuple(f.to_ndarray(format="bgr24")[24, 32].tolist()) for f in frames]


@pytest.mark.parametrize("name", ["libx264", "libopenh264"])
def test_pictures_come_back_as_they_were(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    if name not in av.codecs_available:
        pytest.skip(f"PyAV was built without {name}")
    monkeypatch.setattr(h264_encoder, "_OPTIONS", {name: h264_encoder._OPTIONS[name]})
    encoder = H264Encoder(WH)
    wanted = [(20, 40, 200), (200, 40, 20), (128, 128, 128)]
    coded = [
        encoder.encode(np.full((48, 64, 3), colour, np.uint8), 3600 * i)
        for i, colour in enumerate(wanted)
    ]
    avcc = make_avcc(*h264_sets(coded[0].data))
    shown = decode(avcc, [with_lengths(split(each.data)) for each in coded])
    assert len(shown) == len(wanted)
    for found, colour in zip(shown, wanted, strict=True):
        assert found == pytest.approx(colour, abs=8)


def test_a_key_frame_comes_first_and_then_each_two_seconds() -> None:
    encoder = H264Encoder(WH)
    keys = [i for i in range(50) if encoder.encode(image(100), i * TICKS // 10).is_key]
    assert keys == [0, 20, 40]


def test_an_odd_line_is_left_out_and_times_that_stand_still_are_no_error() -> None:
    encoder = H264Encoder(WH)
    coded = [encoder.encode(image(100, 49, 65), ticks) for ticks in (0, 10, 10, 5)]
    assert all(each.data for each in coded)


@pytest.mark.parametrize("size_wh", [(0, 0), (20_000, 16), (16, 20_000)])
def test_a_size_for_which_there_is_none_is_told(size_wh: tuple[int, int]) -> None:
    with pytest.raises(NoEncoder, match=f"no H[.]264 encoder for {size_wh[0]}x{size_wh[1]}"):
        H264Encoder(size_wh)


def test_a_pyav_without_any_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(av, "codecs_available", set())
    with pytest.raises(NoEncoder, match="expected PyAV with libx264 or libopenh264"):
        H264Encoder(WH)
