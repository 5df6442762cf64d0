"""OpenCV itself reads a camera that stands in for the kernel: see v4l2/fake_camera.c."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.source import SourceError
from stages.readers.camera import check_device
from tests.stages.readers.v4l2.fake_camera import FakeCamera

INTERVAL_NS = 33_333_333


@pytest.fixture
def camera(tmp_path: Path) -> FakeCamera:
    (tmp_path / "video0").touch()
    return FakeCamera(tmp_path, f"{tmp_path}/video0")


def read(
    camera: FakeCamera,
    frames: int = 5,
    silence_s: float = 1.0,
    wish: object = None,
    **settings: str,
) -> dict[str, Any]:
    arguments = [camera.device, json.dumps(wish or {}), str(frames), str(silence_s)]
    told = camera.run("-m tests.stages.readers.v4l2.read_camera", *arguments, **settings)
    found: dict[str, Any] = json.loads(told)
    return found


def test_format_size_and_rate_are_asked_for_in_this_order(camera: FakeCamera) -> None:
    told = read(camera, wish={"format": "MJPG", "size": [1920, 1080], "fps": 15})
    assert told["size"] == [1920, 1080]
    assert told["log"] == [["INFO", f"{camera.device}: sends MJPG 1920x1080 at 15 fps"]]
    asked = list(dict.fromkeys(camera.asked()))
    own = asked[asked.index("S_FMT MJPG 640x480") :]
    assert own == ["S_FMT MJPG 640x480", "S_FMT MJPG 1920x1080", "S_PARM 15"]


def test_what_is_left_out_is_not_asked_for(camera: FakeCamera) -> None:
    told = read(camera)
    assert told["log"] == [["INFO", f"{camera.device}: sends YUYV 640x480 at 30 fps"]]
    assert "S_FMT MJPG 640x480" not in camera.asked()
    assert read(camera, wish={"size": [1280, 720]})["size"] == [1280, 720]


@pytest.mark.parametrize(
    ("wish", "asked", "sends"),
    [
        ({"format": "NV12"}, "NV12", "YUYV 640x480 at 30 fps"),
        ({"size": [1920, 1080]}, "1920x1080", "YUYV 640x480 at 30 fps"),
        ({"format": "MJPG", "fps": 120}, "MJPG at 120 fps", "MJPG 640x480 at 30 fps"),
    ],
)
def test_a_camera_that_does_as_it_likes_is_reported(
    camera: FakeCamera, wish: object, asked: str, sends: str
) -> None:
    told = read(camera, wish=wish)
    assert told["log"] == [["WARNING", f"{camera.device}: asked for {asked}, sends {sends}"]]
    assert len(told["pts_ns"]) == 5


def test_times_are_those_of_the_driver(camera: FakeCamera) -> None:
    told = read(camera)
    assert told["pts_from"] == "stream"
    steps = [b - a for a, b in zip(told["pts_ns"], told["pts_ns"][1:], strict=False)]
    assert all(abs(step - INTERVAL_NS) < 1000 for step in steps)  # the driver counts in µs
    assert 1000 <= told["pts_ns"][0] / 1e9 < 1001


def test_times_are_those_of_arrival_where_the_driver_has_none(camera: FakeCamera) -> None:
    told = read(camera, clock="none")
    assert told["pts_from"] == "arrival"
    pts_ns = told["pts_ns"]
    assert pts_ns == sorted(set(pts_ns))
    assert pts_ns[0] > 0


def test_colours_are_in_the_order_blue_green_red(camera: FakeCamera) -> None:
    (blue, green, red), *_ = read(camera)["means"]
    assert red > 250
    assert max(blue, green) < 5


def test_a_damaged_frame_is_left_out_and_no_other(camera: FakeCamera) -> None:
    """OpenCV would give the frame before a second time."""
    wish = {"format": "MJPG"}
    whole = read(camera, frames=6, wish=wish)["pts_ns"]
    told = read(camera, frames=5, wish=wish, bad="4")
    missing = set(whole) - set(told["pts_ns"])
    assert len(missing) == 1
    assert told["pts_ns"] == [pts_ns for pts_ns in whole if pts_ns not in missing]
    assert told["losses"] == {"undecodable": 1}


def test_a_camera_that_falls_silent_is_stalled(camera: FakeCamera) -> None:
    told = read(camera, silence_s=0.5, most="4", end="silent")
    assert told["error"] == f"SourceStalled: {camera.device}: sent nothing for 0.5 s"
    assert 0 < len(told["pts_ns"]) < 5
    assert camera.asked()[-1] == "SELECT 1"  # OpenCV waits for whole seconds


def test_a_camera_that_is_unplugged_is_gone(camera: FakeCamera) -> None:
    Path(camera.device).unlink()
    told = read(camera, most="4", end="unplugged")
    assert told["error"] == f"SourceError: {camera.device}: the camera stopped: it was unplugged"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/dev/video255", "this camera is not there"),
        ("/dev/null", "expected a camera, got what answers to no call of V4L2"),
    ],
)
def test_what_is_no_camera_is_named(path: str, why: str) -> None:
    with pytest.raises(SourceError) as refused:
        check_device(path)
    assert str(refused.value) == f"{path}: {why}"
