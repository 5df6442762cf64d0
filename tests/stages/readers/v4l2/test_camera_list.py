from pathlib import Path

import yaml

from pipeline.config_file import build
from stages.config import LineConfig, V4l2Config
from stages.readers.v4l2.camera_list import describe_cameras
from tests.stages.readers.v4l2.fake_camera import FakeCamera

LIST = (
    "import sys; from pathlib import Path\n"
    "from stages.readers.v4l2.camera_list import describe_cameras\n"
    "print('\\n'.join(describe_cameras(Path(sys.argv[1]))))"
)


def make_list(folder: Path) -> str:
    """Of a folder with a camera, and with what is none."""
    devices = folder / "dev"
    (devices / "v4l/by-id").mkdir(parents=True)
    for name in ("video0", "video7", "video10", "videos"):
        (devices / name).touch()
    return FakeCamera(folder, f"{devices}/video7").run("-c", LIST, str(devices))


def test_the_list_is_configuration_that_can_be_pasted(tmp_path: Path) -> None:
    said = make_list(tmp_path)
    (source,) = build(yaml.safe_load(said), LineConfig, "pasted").sources
    assert source.uri == f"{tmp_path}/dev/video7"
    assert source.v4l2 == V4l2Config(format="MJPG", size=(1920, 1080), fps=30.0)
    for mode in ("format: MJPG, size: [1280, 720], fps: 60}  # or 30 fps",
                 "format: YUYV, size: [1280, 720], fps: 10}"):  # fmt: skip
        chosen = said.replace("    v4l2:", "    # v4l2:").replace(
            f"# v4l2: {{{mode}", f"v4l2: {{{mode}"
        )
        (source,) = build(yaml.safe_load(chosen), LineConfig, "pasted").sources
        assert source.v4l2 is not None
        assert source.v4l2.size == (1280, 720)


def test_the_list_names_the_camera_and_what_is_not_read(tmp_path: Path) -> None:
    said = make_list(tmp_path)
    assert f"# {tmp_path}/dev/video7: Fake Camera (uvcvideo, usb-1)" in said
    assert "# its formats H264 are not read" in said
    assert "video0" not in said
    assert "video10" not in said


def test_a_name_that_lasts_is_preferred(tmp_path: Path) -> None:
    lasting = tmp_path / "dev/v4l/by-id/usb-Fake_Camera-video-index0"
    make_list(tmp_path)
    lasting.symlink_to("../../video7")
    camera = FakeCamera(tmp_path, f"{tmp_path}/dev/video7")
    assert f"- uri: {lasting}\n" in camera.run("-c", LIST, f"{tmp_path}/dev")


def test_no_camera_is_said_in_a_comment(tmp_path: Path) -> None:
    assert list(describe_cameras(tmp_path)) == [f"# no camera answers at {tmp_path}/video*"]
