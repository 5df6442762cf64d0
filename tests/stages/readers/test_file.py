"""Files of every codec: each frame once, at its time, whatever happens on the way."""

import json
import random
import shutil
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.memory.counters import DropReason
from pipeline.source import EndOfSource, PtsOrigin, SourceError
from stages.readers.file import FileReader
from tests.clips import level, make_clip
from tests.log_lines import hear
from tests.stages.readers.coded_clips import FRAME_NS, make_coded, packets_of, read_all

CLIPS = [
    ("libx264", "mp4"), ("libx264", "ts"), ("libx264", "mkv"), ("libx264", "flv"),
    ("libx264", "avi"), ("libx265", "mp4"), ("libx265", "ts"), ("libvpx-vp9", "webm"),
    ("libsvtav1", "mp4"), ("libsvtav1", "mkv"), ("mpeg2video", "ts"), ("mpeg2video", "mpg"),
    ("mpeg4", "mp4"), ("mpeg4", "avi"), ("mjpeg", "avi"), ("mjpeg", "mkv"), ("ffv1", "mkv"),
]  # fmt: skip
CODECS = [("libx264", "ts"), ("libx265", "ts"), ("mpeg2video", "ts"), ("libvpx-vp9", "webm"),
          ("mjpeg", "mjpeg"), ("libsvtav1", "obu")]  # fmt: skip


def assert_greys(greys: list[int], indices: range | list[int]) -> None:
    assert len(greys) == len(indices)
    for grey, index in zip(greys, indices, strict=True):
        assert abs(grey - level(index)) <= 4, (greys, list(indices))


@pytest.fixture
def logged() -> Iterator[list[str]]:
    with hear("WARNING") as lines:
        yield lines


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_coded(tmp_path_factory.mktemp("clip") / "clip.mp4", "libx264", range(20))


@pytest.mark.parametrize(("codec", "suffix"), CLIPS)
def test_each_frame_comes_once_at_its_time(
    tmp_path: Path, logged: list[str], codec: str, suffix: str
) -> None:
    found = read_all(make_coded(tmp_path / f"clip.{suffix}", codec))
    assert_greys(found.greys, range(30))
    first = found.times_ns[0]
    grid = [first + i * FRAME_NS for i in range(30)]
    off = max(abs(time - due) for time, due in zip(found.times_ns, grid, strict=True))
    assert off <= 1_000_000, found.times_ns  # Matroska and FLV count milliseconds
    assert not found.losses
    assert not logged


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_a_variable_rate_keeps_its_times_to_the_end(tmp_path: Path, suffix: str) -> None:
    """Those too of the frames that leave the decoder at the end of the file."""
    times = [0, 1, 2, 7, 8, 20, 21, 22, 50, 55, 56, 90, 91, 95, 120]
    found = read_all(make_coded(tmp_path / f"clip.{suffix}", "libx264", range(15), times=times))
    first = found.times_ns[0]
    assert [round((time - first) / FRAME_NS, 1) for time in found.times_ns] == times
    assert_greys(found.greys, range(15))


def test_the_clock_of_a_transport_stream_may_wrap(tmp_path: Path) -> None:
    late = {"output_ts_offset": str(2**33 / 90_000 - 0.5)}
    path = make_coded(tmp_path / "wrap.ts", "libx264", container=late)
    found = read_all(path)
    steps = np.diff(found.times_ns)
    assert set(steps.tolist()) == {FRAME_NS}
    assert_greys(found.greys, range(30))


def test_an_edit_list_hides_what_comes_before_it(tmp_path: Path) -> None:
    """A cut without encoding begins at a key frame, and tells players to hide the first frames."""
    whole = make_coded(tmp_path / "whole.mp4", "libx264", options={"g": "30"})
    cut = tmp_path / "cut.mp4"
    with av.open(str(whole)) as source, av.open(str(cut), "w") as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is None or packet.pts is None or packet.time_base is None:
                continue
            shift = round(Fraction(10, 25) / packet.time_base)
            packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, stream
            output.mux(packet)
    found = read_all(cut)
    assert_greys(found.greys, range(10, 30))
    assert not found.losses


@pytest.mark.parametrize(("codec", "suffix"), [("libx264", "h264"), ("mjpeg", "mjpeg")])
def test_files_without_times_have_those_of_their_rate(
    tmp_path: Path, codec: str, suffix: str
) -> None:
    path = make_coded(tmp_path / f"clip.{suffix}", codec)
    assert read_all(path).times_ns == [i * FRAME_NS for i in range(30)]
    reader = FileReader(f"file:{path}", name="clip")
    reader.open(0)
    assert reader.pts_origin is PtsOrigin.RATE
    reader.close()


@pytest.mark.parametrize(("codec", "suffix"), CODECS)
def test_the_size_may_change_within_a_file(tmp_path: Path, codec: str, suffix: str) -> None:
    parts = [
        make_coded(tmp_path / f"{i}.{suffix}", codec, range(10), size=size)
        for i, size in enumerate([(64, 48), (96, 80)])
    ]
    path = tmp_path / f"both.{suffix}"
    if suffix == "webm":
        _append(parts, path)
    else:
        path.write_bytes(b"".join(part.read_bytes() for part in parts))
    found = read_all(path)
    assert [(form.width, form.height) for form in found.forms] == [(64, 48), (96, 80)]
    assert [form.width for form in found.form_of] == [64] * 10 + [96] * 10
    assert_greys(found.greys, [*range(10), *range(10)])
    assert not found.losses
    for first in (7, 10, 15):
        again = read_all(path, first=first)
        assert (again.greys, again.times_ns) == (found.greys[first:], found.times_ns[first:])


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_the_shape_of_pixels_may_change_within_a_file(tmp_path: Path, codec: str) -> None:
    parts = [
        make_coded(tmp_path / f"{i}.ts", codec, range(10), sar=Fraction(sar)).read_bytes()
        for i, sar in enumerate(["1", "4/3"])
    ]
    path = tmp_path / "both.ts"
    path.write_bytes(b"".join(parts))
    found = read_all(path)
    assert [form.sar for form in found.form_of] == [(1, 1)] * 10 + [(4, 3)] * 10
    assert found.forms[-1].display_wh == (85, 48)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi"])
def test_the_shape_of_pixels_is_that_of_container_or_codec(tmp_path: Path, suffix: str) -> None:
    path = make_coded(tmp_path / f"clip.{suffix}", "libx264", range(20), sar=Fraction(4, 3))
    assert read_all(path).forms[0].sar == (4, 3)


@pytest.mark.parametrize(
    ("codec", "suffix"),
    [("libx264", "mp4"), ("libx265", "mp4"), ("mpeg4", "avi"), ("mjpeg", "avi"), ("ffv1", "mkv")],
)
@pytest.mark.parametrize("seed", range(3))
def test_a_damaged_packet_never_ends_a_file(
    tmp_path: Path, codec: str, suffix: str, seed: int
) -> None:
    """Frames and losses make up the packets, and the last frames come."""
    rng = random.Random(seed)
    path = make_coded(tmp_path / f"clip.{suffix}", codec, range(40))
    packets = packets_of(path)
    data = bytearray(path.read_bytes())
    for at, size in rng.sample(packets[1:-13], 3):
        start = at + (16 if suffix == "mkv" else 0)  # behind the header of the block
        data[start : at + size] = rng.choice((b"\0", b"\xff")) * (at + size - start)
    path.write_bytes(data)
    found = read_all(path)
    assert len(found.greys) + found.losses.total() == len(packets) == 40
    assert set(found.losses) <= {DropReason.UNDECODABLE, DropReason.DAMAGED}
    assert_greys(found.greys[-4:], range(36, 40))


@pytest.mark.parametrize("suffix", ["mkv", "ts", "avi", "flv", "mp4"])
def test_a_file_that_was_cut_off_is_called_so(
    tmp_path: Path, logged: list[str], suffix: str
) -> None:
    fragments = {"movflags": "frag_keyframe+empty_moov"} if suffix == "mp4" else {}
    path = make_coded(tmp_path / f"clip.{suffix}", "libx264", size=(320, 240), container=fragments)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 7 // 10 // 188 * 188 + 100])
    found = read_all(path)
    assert 5 < len(found.greys) < 30
    assert logged == [f"{path}: {len(found.greys)} frames could be decoded: truncated or damaged?"]


def test_a_header_that_announces_more_frames_is_quoted(tmp_path: Path, logged: list[str]) -> None:
    path = make_coded(tmp_path / "clip.mp4", "libx264", container={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[:-800])
    frames = len(read_all(path).greys)
    text = "frames could be decoded, its header announces 30: truncated or damaged?"
    assert logged == [f"{path}: {frames} {text}"]


def test_an_mp4_without_its_header_is_refused(tmp_path: Path, clip: Path) -> None:
    path = tmp_path / "cut.mp4"
    path.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    with pytest.raises(SourceError, match=f"^{path}: this file cannot be opened as video: "):
        read_all(path)


@pytest.mark.parametrize("content", [b"", b"no video at all", bytes(10_000)])
def test_a_file_that_is_no_video_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=f"^{path}: this file cannot be opened as video"):
        read_all(path)


def test_a_file_can_be_read_again_from_any_frame(clip: Path) -> None:
    whole = read_all(clip)
    for first in (1, 11, 12, 13, 19):
        again = read_all(clip, first=first)
        assert (again.greys, again.times_ns) == (whole.greys[first:], whole.times_ns[first:])
    with pytest.raises(EndOfSource):
        FileReader(f"file:{clip}", name="clip").open(20)


@pytest.mark.parametrize(("codec", "suffix"), [("libx264", "ts"), ("libx264", "avi"),
                                               ("mpeg4", "avi"), ("libx264", "h264")])  # fmt: skip
def test_a_loop_has_no_seam(tmp_path: Path, codec: str, suffix: str) -> None:
    path = make_coded(tmp_path / f"clip.{suffix}", codec, range(10))
    found = read_all(path, loop=True, most=35)
    assert_greys(found.greys, [i % 10 for i in range(35)])
    steps = np.diff(found.times_ns)
    assert steps.min() > 0
    assert (steps == FRAME_NS).sum() >= 33, steps  # the first steps of an AVI may be longer


@pytest.mark.parametrize("first", [3, 10, 17, 30, 1_000_004])
@pytest.mark.parametrize("fps", [None, 7.0])
def test_a_loop_can_be_read_again_from_any_round(
    tmp_path: Path, first: int, fps: float | None
) -> None:
    path = make_clip(tmp_path / "clip.avi", 10)
    if first < 1000:
        whole = read_all(path, loop=True, most=first + 15, fps=fps)
        again = read_all(path, loop=True, most=15, fps=fps, first=first)
        assert (again.greys, again.times_ns) == (whole.greys[first:], whole.times_ns[first:])
    else:
        round_frames = 10 if fps is None else len(read_all(path, fps=fps).greys)
        again = read_all(path, loop=True, most=5, fps=fps, first=first)
        rounds = first // round_frames
        assert rounds * 10 * FRAME_NS <= again.times_ns[0] < (rounds + 1) * 10 * FRAME_NS


def test_a_loop_of_one_frame_is_that_frame(tmp_path: Path) -> None:
    found = read_all(make_clip(tmp_path / "one.avi", 1), loop=True, most=5)
    assert found.times_ns == [i * FRAME_NS for i in range(5)]


def test_a_loop_slower_than_the_limit_goes_on(tmp_path: Path) -> None:
    found = read_all(make_clip(tmp_path / "short.avi", 5), loop=True, most=4, fps=0.5)
    assert found.times_ns == [i * 5 * FRAME_NS for i in range(4)]


@pytest.mark.parametrize("fps", [25.0, 12.5, 10.0, 3.0, 0.5])
@pytest.mark.parametrize(("codec", "group"), [("libx264", "12"), ("libx264", "250"), ("mjpeg", "")])
def test_a_limited_rate_is_met_on_average(
    tmp_path: Path, codec: str, group: str, fps: float
) -> None:
    options = {"g": group} if group else {}
    path = make_coded(tmp_path / "clip.mkv", codec, range(150), size=(32, 32), options=options)
    found = read_all(path, fps=fps)
    assert abs(len(found.greys) - 6 * fps) <= 1
    for first in {1, len(found.greys) - 1} - {len(found.greys)}:
        again = read_all(path, fps=fps, first=first)
        assert again.times_ns == found.times_ns[first:]


def test_ffprobe_has_the_same_times(tmp_path: Path) -> None:
    ffprobe = shutil.which("ffprobe")
    if ffprobe is None:
        pytest.skip("ffprobe is not installed")
    command = [ffprobe, "-v", "quiet", "-select_streams", "v", "-show_entries",
               "frame=best_effort_timestamp:stream=time_base", "-of", "json"]  # fmt: skip
    for codec, suffix in CLIPS:
        path = make_coded(tmp_path / f"{codec}.{suffix}", codec)
        done = subprocess.run([*command, str(path)], capture_output=True, check=True)
        shown = json.loads(done.stdout)
        base = Fraction(shown["streams"][0]["time_base"])
        times = [
            round(frame["best_effort_timestamp"] * base * 1_000_000_000)
            for frame in shown["frames"]
            if "best_effort_timestamp" in frame  # of the last frames of an AVI it has none
        ]
        assert read_all(path).times_ns[: len(times)] == times, path


def _append(parts: list[Path], path: Path) -> None:
    """One track with the packets of all, as some cameras write them."""
    start = 0
    with av.open(str(path), "w") as output:
        stream = None
        for part in parts:
            with av.open(str(part)) as source:
                stream = stream or output.add_stream_from_template(source.streams.video[0])
                for packet in source.demux(video=0):
                    if packet.dts is None or packet.pts is None or packet.time_base is None:
                        continue
                    shift = round(Fraction(start, 25) / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = stream
                    output.mux(packet)
            start += 10
