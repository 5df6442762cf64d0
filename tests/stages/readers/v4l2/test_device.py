import json
import subprocess
from pathlib import Path

import pytest

from stages.readers.v4l2 import device
from stages.readers.v4l2.device import Device, Mode, fourcc_code, fourcc_name
from tests.stages.readers.v4l2.fake_camera import FakeCamera, find_compiler

LAYOUTS = {
    "struct v4l2_capability": device.QUERYCAP,
    "struct v4l2_fmtdesc": device.FMTDESC,
    "struct v4l2_frmsizeenum": device.FRMSIZE,
    "struct v4l2_frmivalenum": device.FRMIVAL,
    "struct v4l2_format": device.FORMAT,
    "struct v4l2_streamparm": device.STREAMPARM,
}
REQUESTS = [name for name in vars(device) if name.startswith("VIDIOC_")]
# (struct, field, index in the Python tuple)
FIELDS = [
    ("struct v4l2_capability", "device_caps", "QUERYCAP", 5),
    ("struct v4l2_fmtdesc", "pixelformat", "FMTDESC", 4),
    ("struct v4l2_frmsizeenum", "discrete.width", "FRMSIZE", 3),
    ("struct v4l2_frmsizeenum", "stepwise.min_height", "FRMSIZE", 6),
    ("struct v4l2_frmivalenum", "discrete.numerator", "FRMIVAL", 5),
    ("struct v4l2_frmivalenum", "stepwise.max.numerator", "FRMIVAL", 7),
    ("struct v4l2_format", "fmt.pix.width", "FORMAT", 1),
    ("struct v4l2_format", "fmt.pix.pixelformat", "FORMAT", 3),
    ("struct v4l2_streamparm", "parm.capture.timeperframe.numerator", "STREAMPARM", 3),
]


def test_layouts_and_numbers_are_those_of_the_kernel_s_header(tmp_path: Path) -> None:
    program = tmp_path / "print.c"
    sizes = "".join(f'printf("%zu\\n", sizeof({name}));' for name in LAYOUTS)
    numbers = "".join(f'printf("%lu\\n", (unsigned long){name});' for name in REQUESTS)
    offsets = "".join(f'printf("%zu\\n", offsetof({s}, {field}));' for s, field, *_ in FIELDS)
    program.write_text(
        "#include <linux/videodev2.h>\n#include <stddef.h>\n#include <stdio.h>\n"
        f"int main(void) {{ {sizes}{numbers}{offsets} return 0; }}\n"
    )
    subprocess.run([find_compiler(), "-o", str(tmp_path / "print"), str(program)], check=True)
    printed = subprocess.run([tmp_path / "print"], check=True, capture_output=True, text=True)
    said = [int(line) for line in printed.stdout.split()]
    assert said[: len(LAYOUTS)] == [layout.size for layout in LAYOUTS.values()]
    said = said[len(LAYOUTS) :]
    assert said[: len(REQUESTS)] == [vars(device)[name] for name in REQUESTS]
    for at, (_, field, layout, index) in zip(said[len(REQUESTS) :], FIELDS, strict=True):
        probe = bytearray(vars(device)[layout].size)
        probe[at : at + 4] = (77).to_bytes(4, "little")
        assert vars(device)[layout].unpack(probe)[index] == 77, field


def test_a_code_is_four_letters() -> None:
    assert fourcc_name(fourcc_code("MJPG")) == "MJPG"
    assert fourcc_code("Y16") == fourcc_code("Y16 ")
    assert fourcc_name(fourcc_code("Y16 ")) == "Y16"


def test_a_mode_is_told_in_what_is_known_of_it() -> None:
    assert str(Mode("MJPG", (1920, 1080), 30.0)) == "MJPG 1920x1080 at 30 fps"
    assert str(Mode(None, (640, 480), None)) == "640x480"
    assert str(Mode(None, None, 29.97)) == "at 29.97 fps"


@pytest.mark.parametrize("path", ["/dev/null", "/dev/video255", "{folder}", "{folder}/file"])
def test_what_is_no_camera_is_refused(path: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"\[Errno \d+\]"):
        Device(path.format(folder=tmp_path))


def test_a_camera_says_what_it_can(tmp_path: Path) -> None:
    camera = FakeCamera(tmp_path, f"{tmp_path}/video0")
    program = (
        "import json, sys; from stages.readers.v4l2.device import Device\n"
        "with Device(sys.argv[1]) as d:\n"
        "    sizes = {f: [s.most for s in d.sizes(f)] for f in d.formats()}\n"
        "    rates = d.rates('MJPG', (1280, 720))\n"
        "    print(json.dumps([d.card, d.driver, sizes, rates, d.mode()]))"
    )
    card, driver, sizes, rates, mode = json.loads(camera.run("-c", program, camera.device))
    assert (card, driver) == ("Fake Camera", "uvcvideo")
    assert sizes == {
        "YUYV": [[640, 480], [1280, 720]],
        "MJPG": [[640, 480], [1280, 720], [1920, 1080]],
        "H264": [[1920, 1080]],
    }
    assert rates == [60.0, 30.0]
    assert mode == ["YUYV", [640, 480], 30.0]
