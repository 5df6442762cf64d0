from base64 import b64encode

import pytest

from stages.readers.rtsp.sdp import control_url, parse_sdp
from tests.stages.readers.rtsp.scripted_server import describe

START = b"\0\0\0\1"


def test_tracks_have_their_kind_coding_and_address() -> None:
    sound, video = parse_sdp(describe("h264", [b"sps", b"pps"])).media
    assert (sound.kind, sound.payload_type, sound.control) == ("audio", 0, "track1")
    assert (video.kind, video.payload_type, video.control) == ("video", 96, "track2")
    assert (video.encoding, video.clock_hz) == ("H264", 90_000)
    assert video.format["packetization-mode"] == "1"
    assert video.parameter_sets == START + b"sps" + START + b"pps"


def test_parameter_sets_of_h265_are_in_the_order_of_decoding() -> None:
    text = describe("hevc", [b"vps", b"sps", b"pps"])
    fmtp = next(line for line in text.splitlines() if line.startswith("a=fmtp"))
    mixed = text.replace(fmtp, fmtp.replace("sprop-vps", "x").replace("sprop-pps", "sprop-vps"))
    assert parse_sdp(text).media[1].parameter_sets == START + START.join([b"vps", b"sps", b"pps"])
    assert parse_sdp(mixed).media[1].parameter_sets == START + START.join([b"pps", b"sps"])


@pytest.mark.parametrize(
    ("sets", "expected"),
    [("Z0IA,", START + b"gB\0"), ("Z0IAKQ", START + b"gB\0)"), ("!!,a", b""),
     (b64encode(START + b"sps").decode(), START + b"sps")],
)  # fmt: skip
def test_parameter_sets_as_cameras_write_them(sets: str, expected: bytes) -> None:
    text = f"m=video 0 RTP/AVP 96\r\na=fmtp:96 sprop-parameter-sets={sets};x\r\n"
    assert parse_sdp(text).media[0].parameter_sets == expected


def test_a_description_may_lack_anything() -> None:
    assert parse_sdp("").media == []
    assert parse_sdp("m=video\nm=video x RTP/AVP y\n").media == []
    track = parse_sdp("m=video 0 RTP/AVP 26\na=rtpmap:97 H264/90000\na=rtpmap:26 X/0").media[0]
    assert (track.encoding, track.clock_hz, track.control) == ("X", 90_000, "")
    assert parse_sdp("m=video 0 RTP/AVP 26").media[0].encoding == "JPEG"


@pytest.mark.parametrize(
    ("control", "url"),
    [("", "rtsp://h/p?q=1"), ("*", "rtsp://h/p?q=1"), ("track1", "rtsp://h/p?q=1/track1"),
     ("/track1", "rtsp://h/p?q=1/track1"), ("RTSP://i/t 1", "RTSP://i/t%201")],
)  # fmt: skip
def test_the_address_of_a_track(control: str, url: str) -> None:
    assert control_url("rtsp://h/p?q=1", control) == url
