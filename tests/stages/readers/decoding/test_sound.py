"""Sound on its way into the ring of packets, and out of it into films."""

import io
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from pipeline.memory.packet import Packet, Track
from pipeline.memory.packet_layout import packets_path
from pipeline.memory.packet_ring import PacketRing
from pipeline.memory.packet_view import PacketReader
from stages.readers.decoding.sound import SAMPLES, make_track
from stages.services.media.remuxer import Remuxer
from tests.log_lines import hear
from tests.stages.readers.coded_clips import read_into_ring

FPS, SECONDS, RATE = 10, 4, 16_000


def make_clip(path: Path, codec: str = "aac") -> Path:
    """Pictures, and a tone that begins after two seconds."""
    with av.open(str(path), "w") as film:
        pictures: Any = film.add_stream("libx264", rate=FPS)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        pictures.options = {"g": "5", "tune": "zerolatency"}
        sound: Any = film.add_stream(codec, rate=RATE, layout="mono")
        size = sound.codec_context.frame_size or SAMPLES
        for number in range(SECONDS * FPS):
            grey = np.full((48, 64, 3), 20 + 5 * number, np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="bgr24")
            film.mux(pictures.encode(frame))
        for number in range(SECONDS * RATE // size):
            at = np.arange(number * size, (number + 1) * size)
            tone = np.where(at >= 2 * RATE, np.sin(at * 0.4) * 8000, 0).astype(np.int16)
            heard = av.AudioFrame.from_ndarray(tone[None], format="s16", layout="mono")
            heard.sample_rate, heard.pts = RATE, number * size
            heard.time_base = Fraction(1, RATE)
            film.mux(sound.encode(heard))
        for stream in (pictures, sound):
            film.mux(stream.encode(None))
    return path


def read(folder: Path, path: Path) -> tuple[tuple[Track, ...], list[Packet]]:
    ring = packets_path(folder, 0)
    read_into_ring(path, PacketRing(ring, 4 << 20))
    reader = PacketReader(ring)
    reader.seek(0)
    packets = []
    while (packet := reader.read()) is not None:
        packets.append(packet)
    tracks = reader.tracks(packets[-1].generation)
    assert tracks is not None
    return tracks, [packet for packet in packets if packet.generation == packets[-1].generation]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_aac_is_kept_and_is_heard_when_it_was(tmp_path: Path, suffix: str) -> None:
    tracks, packets = read(tmp_path, make_clip(tmp_path / f"clip.{suffix}"))
    assert [track.kind for track in tracks] == ["video", "audio"]
    assert (tracks[1].codec, tracks[1].sample_rate, tracks[1].channels) == ("aac", RATE, 1)
    remuxer = Remuxer(tracks, packets[0], with_sound=True)
    parts = [packets[at : at + 7] for at in range(0, len(packets), 7)]
    film = remuxer.init.data + b"".join(map(remuxer.fragment, parts))
    opened: Any = av.open(io.BytesIO(film))
    with opened as container:
        frames = list(container.decode(audio=0))
    begin_s = next(f.time for f in frames if np.abs(f.to_ndarray()).max() > 0.05)
    first = min(p.pts_ns for p in packets if p.track == 0)
    assert begin_s == pytest.approx(2 - first / 1e9, abs=0.2)
    times = [frame.time for frame in frames]
    assert np.diff(times) == pytest.approx(SAMPLES / RATE, abs=1e-3)
    opened = av.open(io.BytesIO(film))
    with opened as container:
        pictures = sum(packet.size > 0 for packet in container.demux(video=0))
    assert pictures == sum(packet.track == 0 for packet in packets)


def test_who_wants_no_sound_gets_the_same_film_of_pictures(tmp_path: Path) -> None:
    tracks, packets = read(tmp_path, make_clip(tmp_path / "clip.mp4"))
    silent, pictures = Remuxer(tracks, packets[0]), [p for p in packets if p.track == 0]
    other = Remuxer(tracks[:1], packets[0])
    assert silent.init == other.init
    assert silent.fragment(packets) == other.fragment(pictures)
    assert silent.fragment([p for p in packets if p.track == 1]) == b""


def test_other_sound_is_told_once(tmp_path: Path) -> None:
    with hear() as told:
        tracks, packets = read(tmp_path, make_clip(tmp_path / "clip.mkv", "pcm_s16le"))
    assert [track.kind for track in tracks] == ["video"]
    assert all(packet.track == 0 for packet in packets)
    line = "clip.mkv: its sound is not recorded: expected AAC, got pcm_s16le"
    assert sum(each.endswith(line) for each in told) == 1


@pytest.mark.parametrize(
    ("config", "rate", "channels"),
    [("1408", 16000, 1), ("1190", 48000, 2), ("17800fa008", 8000, 1), ("2b8a08", 22050, 1)],
)
def test_a_configuration_tells_rate_and_channels(config: str, rate: int, channels: int) -> None:
    track = make_track(bytes.fromhex(config))
    assert track is not None
    assert (track.sample_rate, track.channels) == (rate, channels)


@pytest.mark.parametrize("config", ["", "14", "16f8", "1400"], ids=str)
def test_a_configuration_that_tells_none_is_no_track(config: str) -> None:
    assert make_track(bytes.fromhex(config)) is None
