"""What the measured cameras send is what cameras send."""

from pathlib import Path

import av
import pytest

from pipeline.errors import LineError
from stages.line.bench.clip import FPS, SECONDS, make_clip


def test_the_clip_is_h264_without_b_frames_and_with_key_frames(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    steps = sum(1 for _ in make_clip(path, (320, 180)))
    assert steps == FPS * SECONDS
    with av.open(str(path)) as container:
        (stream,) = container.streams.video
        assert (stream.codec_context.name, stream.width, stream.height) == ("h264", 320, 180)
        assert not stream.codec_context.has_b_frames
        packets = [packet for packet in container.demux(stream) if packet.size]
        assert len(packets) == FPS * SECONDS
        keys = [number for number, packet in enumerate(packets) if packet.is_keyframe]
        assert keys == [0, 2 * FPS]


def test_a_folder_that_is_not_there_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(LineError, match=r"gone/clip\.mp4: the clip to measure with cannot be"):
        list(make_clip(tmp_path / "gone/clip.mp4", (320, 180)))
