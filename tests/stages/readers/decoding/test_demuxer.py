"""Which track of a container is read, and what is said of one that has none."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.stream import Disposition
from av.video.frame import VideoFrame

from pipeline.source import SourceError
from stages.readers.decoding.demuxer import Demuxer
from tests.stages.readers.coded_clips import make_coded


def make_tracks(
    path: Path, tracks: list[tuple[str, int, Disposition]], *, sound: bool = False
) -> Path:
    """Video tracks (codec, width, disposition) of five frames, and half a second of sound."""
    with av.open(str(path), "w") as output:
        streams: list[Any] = []
        for codec, width, disposition in tracks:
            stream: Any = output.add_stream(codec, rate=25)
            stream.width, stream.height = width, 48
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            stream.disposition = disposition
            streams.append(stream)
        if sound:
            tone: Any = output.add_stream("aac", rate=16_000)
            samples = AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), "fltp", "mono")
            samples.sample_rate = 16_000
        for stream in streams:
            single = stream.disposition & Disposition.attached_pic
            for index in range(1 if single else 5):
                frame = VideoFrame(stream.width, 48, stream.pix_fmt)
                frame.pts, frame.time_base = index, Fraction(1, 25)
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
        if sound:
            output.mux([*tone.encode(samples), *tone.encode(None)])
    return path


def width_of(path: Path) -> int:
    demuxer = Demuxer(f"file:{path}", name="clip", options={}, silence_s=None)
    width = demuxer.decoder.width
    tracks = {unit.packet.stream_index for unit in iter(demuxer.read, None)}
    assert tracks == {demuxer.stream.index}
    demuxer.close()
    return width


NONE, DEFAULT, COVER = Disposition(0), Disposition.default, Disposition.attached_pic


@pytest.mark.parametrize(
    ("tracks", "width"),
    [
        ([("mpeg4", 64, DEFAULT), ("mpeg4", 320, NONE)], 64),  # the default one
        ([("mpeg4", 64, NONE), ("mpeg4", 320, DEFAULT)], 320),
        ([("mpeg4", 64, DEFAULT), ("mpeg4", 320, DEFAULT)], 320),  # the larger one
        ([("mjpeg", 640, COVER), ("mpeg4", 64, DEFAULT)], 64),  # no cover art
    ],
)
def test_the_track_is_the_one_that_players_show(
    tmp_path: Path, tracks: list[tuple[str, int, Disposition]], width: int
) -> None:
    assert width_of(make_tracks(tmp_path / "clip.mp4", tracks, sound=True)) == width


@pytest.mark.parametrize(
    ("tracks", "got"),
    [([], "audio (aac)"), ([("mjpeg", 640, COVER)], "audio (aac), a picture")],
)
def test_sound_and_cover_art_are_no_film(
    tmp_path: Path, tracks: list[tuple[str, int, Disposition]], got: str
) -> None:
    path = make_tracks(tmp_path / "sound.mp4", tracks, sound=True)
    with pytest.raises(SourceError) as refused:
        Demuxer(f"file:{path}", name="s.mp4", options={}, silence_s=None)
    assert str(refused.value) == (
        "s.mp4: this file cannot be opened as video: "
        f"expected a video track that can be decoded, got {got}"
    )


def test_errors_call_a_file_as_the_user_does(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"^my\.mp4: this file cannot be opened as video: No"):
        Demuxer(f"file:{tmp_path}/x.mp4", name="my.mp4", options={}, silence_s=None)


@pytest.mark.parametrize(
    ("suffix", "has_times", "sent_times"),
    [("mp4", True, False), ("ts", True, False), ("avi", True, True), ("h264", False, False)],
)
def test_what_the_times_of_a_container_are_worth(
    tmp_path: Path, suffix: str, has_times: bool, sent_times: bool
) -> None:
    path = make_coded(tmp_path / f"clip.{suffix}", "libx264")
    demuxer = Demuxer(f"file:{path}", name="clip", options={}, silence_s=None)
    assert demuxer.has_times is has_times
    assert demuxer.has_sent_times is sent_times
    assert demuxer.rate == 25
    demuxer.close()


def test_few_pictures_among_much_sound_are_found(tmp_path: Path) -> None:
    """More than 4096 packets of sound lie between two pictures."""
    path = tmp_path / "sound.mkv"
    with av.open(str(path), "w") as output:
        video: Any = output.add_stream("mjpeg", rate=1)
        video.width, video.height, video.pix_fmt = 32, 32, "yuvj420p"
        tone: Any = output.add_stream("pcm_u8", rate=8000)
        for second in range(2):
            frame = VideoFrame(32, 32, "yuvj420p")
            frame.pts, frame.time_base = second, Fraction(1, 1)
            output.mux(video.encode(frame))
            for i in range(5000 if second == 0 else 0):
                packet = av.Packet(b"\x80")
                packet.stream, packet.time_base = tone, Fraction(1, 8000)
                packet.pts = packet.dts = i
                output.mux(packet)
    demuxer = Demuxer(f"file:{path}", name="clip", options={}, silence_s=None)
    assert len(list(iter(demuxer.read, None))) == 2
    demuxer.close()
