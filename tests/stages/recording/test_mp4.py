import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.recording import mp4
from tests.stages.video_files import walk

KEY = b"\x00\x00\x00\x08\x65picture"
OTHER = b"\x00\x00\x00\x0b\x41difference"
AVCC = b"\1\x42\xc0\x1f\xff\xe1\0\4\x67sps\1\0\4\x68pps"
PACKETS = [KEY, OTHER, OTHER, KEY, OTHER]
SIZE = (320, 240)


def write_video(path: Path, packets: list[bytes], *, step: int = 3600) -> list[int]:
    """A video as it is written; returns where each whole frame ends."""
    data = mp4.make_beginning(SIZE, AVCC)
    ends = []
    for number, packet in enumerate(packets):
        data += mp4.make_fragment(10 + number, number * step, step, packet, is_key=packet is KEY)
        ends.append(len(data))
    path.write_bytes(data)
    return ends


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return tmp_path / "video.mp4"


@pytest.fixture
def fd(video: Path) -> Iterator[int]:
    fd = os.open(video, os.O_RDWR | os.O_CREAT)
    yield fd
    os.close(fd)


def finish(fd: int) -> None:
    index = mp4.make_index(fd, list(mp4.read_fragments(fd)))
    end = os.fstat(fd).st_size
    os.pwrite(fd, index, end)
    mp4.hide_fragments(fd, end)


def test_a_video_being_written_is_made_of_whole_boxes(video: Path) -> None:
    write_video(video, PACKETS)
    boxes = [kind for kind, _ in walk(video.read_bytes())]
    assert [kind for kind in boxes if kind.count("/") == 1] == [
        "/ftyp", "/free", "/moov", *["/moof", "/mdat"] * len(PACKETS)
    ]  # fmt: skip
    assert "/moov/mvex/trex" in boxes
    assert boxes.count("/moof/traf/trun") == len(PACKETS)


def test_fragments_are_read_as_they_were_written(video: Path, fd: int) -> None:
    ends = write_video(video, PACKETS)
    found = list(mp4.read_fragments(fd))
    assert [f.frame_id for f in found] == [10, 11, 12, 13, 14]
    assert [f.ticks for f in found] == [0, 3600, 7200, 10800, 14400]
    assert [f.is_key for f in found] == [True, False, False, True, False]
    assert [f.end for f in found] == ends
    data = video.read_bytes()
    assert [data[f.data_at : f.end] for f in found] == PACKETS
    assert mp4.find_last_fragment(fd) == found[-1]


def test_a_duration_can_be_corrected(video: Path, fd: int) -> None:
    write_video(video, PACKETS)
    before = list(mp4.read_fragments(fd))
    mp4.set_duration(fd, before[1].at, 9000)
    after = list(mp4.read_fragments(fd))
    assert [f.duration for f in after] == [3600, 9000, 3600, 3600, 3600]
    assert [f._replace(duration=0) for f in after] == [f._replace(duration=0) for f in before]


def test_the_last_whole_frame_is_found_wherever_a_video_is_cut(video: Path, fd: int) -> None:
    ends = write_video(video, PACKETS)
    whole = video.read_bytes()
    for size in range(len(whole)):
        video.write_bytes(whole[:size])
        last = mp4.find_last_fragment(fd)
        assert (last.end if last else 0) == max((end for end in ends if end <= size), default=0)


@given(st.binary(max_size=300))
def test_bytes_that_look_like_a_fragment_are_none(
    tmp_path_factory: pytest.TempPathFactory, tail: bytes
) -> None:
    video = tmp_path_factory.getbasetemp() / "video.mp4"
    end = write_video(video, PACKETS)[-1]
    with video.open("r+b") as file:
        file.seek(end)
        file.write(b"\x00\x00\x00\x64moof" + tail + b"moof")
        file.flush()
        last = mp4.find_last_fragment(file.fileno())
    assert last is not None
    assert last.end == end


def test_a_finished_video_has_an_index_and_no_fragments(video: Path, fd: int) -> None:
    write_video(video, PACKETS)
    fragments = list(mp4.read_fragments(fd))
    finish(fd)
    boxes = dict(walk(video.read_bytes()))
    assert [kind for kind in boxes if kind.count("/") == 1] == ["/ftyp", "/mdat", "/moov"]
    assert "/moov/mvex" not in boxes
    tables = {k.rpartition("/")[2]: v for k, v in boxes.items() if "/stbl/" in k}
    assert _words(tables["stts"]) == [0, 1, 5, 3600]
    assert _words(tables["stsz"]) == [0, 0, 5, *(len(packet) for packet in PACKETS)]
    assert _words(tables["stss"]) == [0, 2, 1, 4]
    assert _words(tables["co64"])[3::2] == [fragment.data_at for fragment in fragments]


def _words(content: bytes) -> list[int]:
    return [int.from_bytes(content[i : i + 4], "big") for i in range(0, len(content), 4)]


def test_a_finished_video_can_be_opened_again(video: Path, fd: int) -> None:
    write_video(video, PACKETS)
    before = video.read_bytes()
    finish(fd)
    assert video.read_bytes() != before
    for _ in range(2):  # and one that is open stays as it is
        mp4.show_fragments(fd)
        assert video.read_bytes() == before


def test_nothing_is_found_in_other_files(video: Path, fd: int) -> None:
    for content in (b"", b"moof", b"x" * 200, bytes(1000)):
        video.write_bytes(content)
        mp4.show_fragments(fd)
        assert mp4.find_last_fragment(fd) is None
        assert video.read_bytes() == content
