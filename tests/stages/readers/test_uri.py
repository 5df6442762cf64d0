from pathlib import Path

import pytest

from pipeline.source import SourceError
from stages.readers.uri import check_uri, file_path, is_camera, is_file, is_live, is_scene


@pytest.mark.parametrize(
    ("uri", "kind", "live"),
    [
        ("0", is_camera, True),
        ("/dev/video0", is_camera, True),
        ("clip.mp4", is_file, False),
        ("/data/clip 1.mkv", is_file, False),
        ("images", is_file, False),
        ("0.mp4", is_file, False),  # begins like the number of a camera
        ("file:///data/clip%201.mkv", is_file, False),
        ("FILE:///data/clip.mkv", is_file, False),
        ("scene://street?seed=7", is_scene, False),
    ],
)
def test_an_address_tells_its_kind(uri: str, kind: object, live: bool) -> None:
    kinds = [test for test in (is_camera, is_file, is_scene) if test(uri)]
    assert kinds == [kind]
    assert is_live(uri) == live


@pytest.mark.parametrize("uri", ["rtsp://cam/1", "http://cam/video.mjpg", "udp://@:5000"])
def test_network_streams_are_live_and_known_to_be_there_when_opened_only(uri: str) -> None:
    assert is_live(uri)
    assert not any(kind(uri) for kind in (is_camera, is_file, is_scene))
    check_uri(uri)


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("none.mp4", "none.mp4: no such file, folder or camera"),
        ("x" * 300, f"{'x' * 300}: File name too long"),
        ("file:///none.mp4", "file:///none.mp4: no such file, folder or camera"),
        ("file://host/a.mp4", "file://host/a.mp4: expected file:///path, a file of this machine"),
        ("file://[a.mp4", "file://[a.mp4: expected file:///path, a file of this machine"),
        ("scene://[street", "scene address 'scene://[street': Invalid IPv6 URL"),
        ("nul\0.mp4", "nul\0.mp4: no such file, folder or camera"),
        ("scene://moon", "scene address 'scene://moon': expected the world 'street', got 'moon'"),
        ("scene://street?width=1", "scene option 'width': expected 160 to 3840, got 1"),
    ],
)
def test_what_is_known_to_be_wrong_is_refused(uri: str, why: str) -> None:
    with pytest.raises(SourceError) as refused:
        check_uri(uri)
    assert str(refused.value) == why


def test_a_file_may_be_given_as_a_url(tmp_path: Path) -> None:
    path = tmp_path / "a clip#1.mp4"
    path.touch()
    check_uri(path.as_uri())
    assert file_path(path.as_uri()) == str(path)
    assert file_path("clip%20.mp4") == "clip%20.mp4"  # no URL: it means what it says


def test_a_file_and_a_folder_pass(tmp_path: Path) -> None:
    check_uri(str(tmp_path))
    (tmp_path / "clip.mp4").touch()
    check_uri(str(tmp_path / "clip.mp4"))
