"""What is read of a container, and what is said of one that has no film."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from av.stream import Disposition
from av.video.frame import VideoFrame

from pipeline.source import SourceError
from stages.readers.decoding.demuxer import Demuxer
from tests.stages.readers.coded_clips import make_coded
from tests.stages.readers.decoding.track_files import COVER, DEFAULT, NONE, make_tracks


def test_pictures_of_the_film_alone_are_read(tmp_path: Path) -> None:
    path = make_tracks(
        tmp_path / "clip.mp4", [("mpeg4", 64, NONE), ("mpeg4", 320, DEFAULT)], sound=True
    )
    demuxer = Demuxer(f"file:{path}", name="clip", options={}, silence_s=None)
    assert demuxer.decoder.width == 320
    tracks = {unit.packet.stream_index for unit in iter(demuxer.read, None)}
    assert tracks == {demuxer.stream.index}
    demuxer.close()


@pytest.mark.parametrize(
    ("tracks", "got"),
    [([], "audio (aac)"), ([("mjpeg", 640, COVER)], "audio (aac), a picture")],
)
def test_a_file_without_a_film_is_an_error_that_says_what_it_has(
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
