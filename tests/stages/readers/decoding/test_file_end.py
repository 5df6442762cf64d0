from pathlib import Path

import pytest

from stages.readers.decoding.file_end import lacks_bytes
from tests.stages.readers.coded_clips import make_coded


@pytest.mark.parametrize(("suffix", "container"), [("mkv", "matroska,webm"), ("ts", "mpegts")])
def test_a_file_is_whole_until_a_byte_is_missing(
    tmp_path: Path, suffix: str, container: str
) -> None:
    path = make_coded(tmp_path / f"clip.{suffix}", "libx264")
    assert not lacks_bytes(path, container)
    data = path.read_bytes()
    for length in (len(data) - 1, len(data) // 2 + 1):
        path.write_bytes(data[:length])
        assert lacks_bytes(path, container)


def test_packets_of_192_bytes_begin_with_a_time(tmp_path: Path) -> None:
    """As the cameras and players write them that call the file .m2ts."""
    path = tmp_path / "clip.m2ts"
    path.write_bytes((bytes(4) + b"\x47" + bytes(187)) * 20)
    assert not lacks_bytes(path, "mpegts")
    path.write_bytes(path.read_bytes()[:-4])
    assert lacks_bytes(path, "mpegts")


def test_what_is_written_live_says_nothing_of_its_end(tmp_path: Path) -> None:
    path = make_coded(tmp_path / "live.mkv", "libx264", container={"live": "1"})
    path.write_bytes(path.read_bytes()[:-100])
    assert not lacks_bytes(path, "matroska,webm")


@pytest.mark.parametrize("content", [b"", b"\x1a\x45\xdf\xa3", b"\x47" * 3, bytes(3000)])
def test_what_is_no_such_file_lacks_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "clip"
    path.write_bytes(content)
    assert not lacks_bytes(path, "matroska,webm")
    assert not lacks_bytes(path, "mpegts")
    assert not lacks_bytes(tmp_path, "mpegts")
    assert not lacks_bytes(tmp_path / "none", "mpegts")
