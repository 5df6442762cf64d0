"""Frames of AAC out of RTP, at the times of the pictures."""

import pytest

from stages.readers.decoding.sound import Sound
from stages.readers.rtsp.aac import AacReceiver, describe_sound
from stages.readers.rtsp.media_clock import MediaClock
from stages.readers.rtsp.sdp import parse_sdp

RATE = 16_000
MS = 1_000_000
AAC = """m=audio 0 RTP/AVP 97
a=rtpmap:97 mpeg4-generic/16000/1
a=fmtp:97 streamtype=5;mode=AAC-hbr;config=1408;sizelength=13;indexlength=3;indexdeltalength=3
a=control:sound
"""


class Camera:
    """What comes from it, and when."""

    def __init__(self) -> None:
        self.sound = Sound()
        self.clock = MediaClock(RATE)
        self.now_ns = 1000 * MS
        self.picture: tuple[int, int, int | None] | None = (400 * MS, 900 * MS, None)
        self._receiver = AacReceiver(
            self.sound, self.clock, lambda: self.picture, lambda: self.now_ns
        )

    def send(self, *frames: bytes, at: int = 0, gap: bool = False) -> None:
        heads = b"".join((len(frame) << 3).to_bytes(2) for frame in frames)
        self.send_raw((16 * len(frames)).to_bytes(2) + heads + b"".join(frames), at, gap=gap)

    def send_raw(self, payload: bytes, at: int = 0, *, gap: bool = False) -> None:
        self._receiver.add(memoryview(payload), at, True, gap)

    def restart(self) -> None:
        self._receiver.begin_anew()

    def heard(self) -> list[tuple[bytes, int]]:
        return [(unit.data, unit.time_ns // MS) for unit in self.sound.take()]


@pytest.fixture
def camera() -> Camera:
    return Camera()


def test_frames_follow_one_another_from_the_time_of_the_last_picture_on(camera: Camera) -> None:
    camera.send(b"one", b"two")
    camera.now_ns += 500 * MS  # they come late, and are no later for that
    camera.send(b"three", at=2048)
    assert camera.heard() == [(b"one", 500), (b"two", 564), (b"three", 628)]


def test_sound_before_the_first_picture_has_no_place(camera: Camera) -> None:
    camera.picture = None
    camera.send(b"one")
    camera.picture = (0, 1000 * MS, None)
    camera.send(b"two", at=1024)
    assert camera.heard() == [(b"two", 0)]


def test_the_camera_s_own_clock_tells_better_than_arrival(camera: Camera) -> None:
    camera.send(b"one")
    taken_ns = 1_800_000_000_000 * MS
    camera.picture = (600 * MS, 1100 * MS, taken_ns)
    camera.clock.note_report((1_800_000_000 + 2_208_988_800) % (1 << 32) << 32, 1024)
    camera.send(b"two", at=1024)
    assert camera.heard() == [(b"one", 500), (b"two", 600)]


def test_a_clock_that_is_hours_wrong_is_not_believed(camera: Camera) -> None:
    camera.send(b"one")
    camera.picture = (600 * MS, 1100 * MS, 5 * 3600 * 1000 * MS)
    camera.clock.note_report((1_800_000_000 + 2_208_988_800) % (1 << 32) << 32, 1024)
    camera.send(b"two", at=1024)
    assert camera.heard() == [(b"one", 500), (b"two", 564)]


def test_a_frame_in_parts_is_put_together_and_one_with_a_gap_is_not(camera: Camera) -> None:
    def part(data: bytes, size: int) -> bytes:
        return b"\0\x10" + (size << 3).to_bytes(2) + data

    camera.send_raw(part(b"first ", 12))
    camera.send_raw(part(b"second", 12))
    camera.send_raw(part(b"first ", 12), 1024)
    camera.send_raw(part(b"third!", 18), 1024, gap=True)
    camera.send(b"whole", at=2048)
    assert camera.heard() == [(b"first second", 500), (b"whole", 628)]


@pytest.mark.parametrize("payload", [b"", b"\0", b"\0\x10\xff", b"\0\x40\0\x08", b"\xff" * 9])
def test_what_is_no_aac_is_passed_over(camera: Camera, payload: bytes) -> None:
    camera.send_raw(payload)
    camera.send(b"one")
    assert (b"one", 500) in camera.heard()


def test_a_sender_that_begins_anew_is_related_anew(camera: Camera) -> None:
    camera.send(b"one")
    camera.restart()
    camera.now_ns += 100 * MS
    camera.send(b"two", at=123_456)
    assert [data for data, _ in camera.heard()] == [b"one", b"two"]


def test_the_description_tells_which_sound_is_aac() -> None:
    sound = Sound()
    track = describe_sound(parse_sdp("v=0\n" + AAC).media, sound)
    assert track is not None
    assert track.control == "sound"
    assert sound.track is not None
    assert (sound.track.sample_rate, sound.track.extradata) == (RATE, b"\x14\x08")
    assert sound.refused == ""


@pytest.mark.parametrize(
    ("text", "why"),
    [("m=audio 0 RTP/AVP 8\na=rtpmap:8 PCMA/8000\n", "PCMA"),
     (AAC.replace("config=1408", "config=zz"), "MPEG4-GENERIC"),
     (AAC.replace("sizelength=13", "sizelength=6"), "MPEG4-GENERIC"),
     ("m=audio 0 RTP/AVP 100\n", "payload type 100"), ("m=video 0 RTP/AVP 96\n", "")],
)  # fmt: skip
def test_other_sound_is_named(text: str, why: str) -> None:
    sound = Sound()
    assert describe_sound(parse_sdp(f"v=0\n{text}").media, sound) is None
    assert (sound.track, sound.refused) == (None, why)
