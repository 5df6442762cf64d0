"""`--draw-zones`: zones and lines on the first frame of each source, and nothing overwritten."""

import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

import run_pipeline
from pipeline import log
from stages.kernels.drawing.palette import zone_colour
from stages.kernels.drawing.segments import LINE_COLOUR
from stages.kernels.pixels import Pixels
from tests.clips import Size, make_clip, make_folder
from tests.conftest import Refuse
from tests.running_line import PATIENCE_S, REPOSITORY
from tests.stages.kernels.drawing.canvases import find_colour, find_like
from tests.stages.kernels.test_orientation import MATRICES
from tests.stages.readers.coded_clips import make_coded

YARD = "zones: {yard: {polygon: [[0.1, 0.2], [0.4, 0.2], [0.4, 0.8], [0.1, 0.8]]}}"
DRIVE = "lines: {drive: {from: [0.6, 0.3], to: [0.9, 0.3]}}"
IGNORE = "filter: {ignore: [[[0.5, 0.6], [1, 0.6], [1, 1], [0.5, 1]]]}"


@pytest.fixture(autouse=True)
def _restore_log() -> Iterator[None]:
    yield
    log.leave()  # the command line logs to what pytest has put in place of standard error


@pytest.fixture
def draw(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> "Draw":
    return Draw(tiny_model, tmp_path, capsys)


class Draw:
    """Runs the command; the keys of each source are given as YAML."""

    def __init__(self, model: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._model, self._folder, self._capsys = model, folder, capsys

    def __call__(self, image: Path | str, *sources: str) -> str:
        """What the command says."""
        path = self._folder / "line.yaml"
        path.write_text(
            f"model: {self._model}\n"
            f"sources: [{', '.join('{' + source + '}' for source in sources)}]\n"
            f"publish: {{endpoint: 'ipc://{self._folder}/pub'}}\n"
        )
        assert run_pipeline.main([str(path), "--draw-zones", str(image)]) == 0
        return self._capsys.readouterr().out


def read(path: Path) -> Pixels:
    image = cv2.imread(str(path))
    assert image is not None, path
    return np.asarray(image, np.uint8)


def test_the_drawn_street_has_its_zones_and_lines(draw: Draw, tmp_path: Path) -> None:
    uri = "uri: 'scene://street?seed=7&width=640&height=480'"
    path = tmp_path / "new" / "gate.png"
    said = draw(path, f"{uri}, {YARD}, {DRIVE}, {IGNORE}")
    assert said == f"wrote {path} ({path.stat().st_size} bytes)\n"
    image = read(path)
    bare = tmp_path / "bare.png"
    draw(bare, uri)
    changed = (image != read(bare)).any(axis=2)
    assert image.shape == (480, 640, 3)
    assert changed[100:380, 70:250].mean() > 0.9  # the tint
    assert find_colour(image, zone_colour(0))[384, 100:200].any()  # the lower edge
    assert find_colour(image, LINE_COLOUR)[144, 400:560].any()
    assert image[300:470, 330:630].mean() < read(bare)[300:470, 330:630].mean() - 15
    assert not changed[60:90, 270:380].any()  # where nothing is


def test_the_picture_shows_the_first_frame(draw: Draw, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.avi", 16, (320, 240))
    draw(tmp_path / "a.png", f"uri: {clip}")
    frame = read(tmp_path / "a.png")[130:140, 180:190]
    assert abs(float(frame.mean()) - 90) < 5  # each later one is brighter by ten


# By orientation: which half of the rows and of the columns is stored of what is shown at the upper
# left.
UPPER_LEFT = {1: (0, 0), 3: (1, 1), 6: (1, 0), 8: (0, 1)}


@pytest.mark.parametrize("orientation", UPPER_LEFT)
def test_a_film_with_rotation_metadata_is_drawn_on_upright(
    draw: Draw, tmp_path: Path, orientation: int
) -> None:
    """The zone is where it is said to be on the picture that somebody sees."""

    def picture(_index: int, size: Size) -> np.ndarray:
        """Dark, and bright in the quarter that is shown at the upper left."""
        image = np.full((2, size[1] // 2, 2, size[0] // 2, 3), 40, np.uint8)
        row, column = UPPER_LEFT[orientation]
        image[row, :, column] = 220
        return image.reshape(size[1], size[0], 3)

    clip = make_coded(tmp_path / "clip.mp4", "libx264", range(3), size=(320, 240), picture=picture)
    data = bytearray(clip.read_bytes())
    at = data.index(b"tkhd") + 4 + 4 + 20 + 16
    a, b, c, d = (value << 16 for value in MATRICES[orientation])
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    clip.write_bytes(data)
    path = tmp_path / "film.png"
    draw(path, f"uri: {clip}, {YARD}")
    image = read(path)
    height, width = image.shape[:2]
    assert (width, height) == ((320, 240) if orientation < 5 else (240, 320))
    assert image[height // 3, width * 45 // 100].mean() > 180  # bright, right of the zone
    assert image[height * 7 // 8, width * 45 // 100].mean() < 80
    assert find_like(image, zone_colour(0))[round(0.8 * height), width // 5 : width // 3].any()


@pytest.mark.parametrize("suffix", ["png", "jpg", "jpeg", "PNG"])
def test_the_name_says_which_kind_of_image(draw: Draw, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out.{suffix}"
    draw(path, "uri: 'scene://street?width=320&height=240'")
    head = {"png": b"\x89PNG"}.get(suffix.lower(), b"\xff\xd8\xff")
    assert path.read_bytes().startswith(head)


def test_each_of_several_sources_has_a_picture(draw: Draw, tmp_path: Path) -> None:
    small = make_clip(tmp_path / "a.avi", 2, (64, 48))
    large = make_folder(tmp_path / "b", [(320, 240)])
    said = draw(tmp_path / "{camera}.png", f"uri: {small}", f"uri: {large}, name: gate")
    assert [line.split(" (")[0] for line in said.splitlines()] == [
        f"wrote {tmp_path}/cam0.png",
        f"wrote {tmp_path}/gate.png",
    ]
    assert read(tmp_path / "cam0.png").shape == (48, 64, 3)
    assert read(tmp_path / "gate.png").shape == (240, 320, 3)


def test_an_earlier_picture_is_replaced(draw: Draw, tmp_path: Path) -> None:
    path = tmp_path / "gate.png"
    for width in (320, 64):
        draw(path, f"uri: {make_clip(tmp_path / f'{width}.avi', 2, (width, 48))}")
    assert read(path).shape == (48, 64, 3)


@pytest.mark.parametrize(
    ("image", "why"),
    [
        ("out.txt", "expected a name that ends in .png or .jpg or .jpeg, got '{image}'"),
        ("out", "expected a name that ends in .png or .jpg or .jpeg, got '{image}'"),
        ("images/0000.png", "expected a file of its own, got {image}: that is an image in the "
                            "folder of source cam0"),
        ("images/new.png", "expected a file outside of the folder of source cam0, got {image}: "
                           "it would be read as an image"),
        ("link.png", "expected a file of its own, got {image}: that is an image in the folder of "
                     "source cam0"),
        ("images/0000.png/a.png", "cannot write {image}: Not a directory"),
        ("/proc/nothing/a.png", "cannot write {image}: No such file or directory"),
        ("folder.png", "expected a regular file, got {image}"),
        (".png", "expected a name that ends in .png or .jpg or .jpeg, got '{image}'"),
    ],
)  # fmt: skip
def test_a_file_that_must_not_be_written_is_refused(
    refuse: Refuse, tmp_path: Path, image: str, why: str
) -> None:
    folder = make_folder(tmp_path / "images", [(64, 48)])
    (tmp_path / "link.png").symlink_to(folder / "0000.png")
    (tmp_path / "folder.png").mkdir()
    before = (folder / "0000.png").read_bytes()
    path = tmp_path / image
    said = refuse("--source", folder, "--draw-zones", path)
    assert said == f"--draw-zones: {why.format(image=path)}"
    assert (folder / "0000.png").read_bytes() == before
    assert [entry.name for entry in folder.iterdir()] == ["0000.png"]


def test_a_picture_that_jpeg_cannot_hold_is_refused(refuse: Refuse, tmp_path: Path) -> None:
    wide = make_folder(tmp_path / "images", [(65_536, 8)])
    path = tmp_path / "a.jpg"
    said = refuse("--source", wide, "--draw-zones", path)
    assert said == f"--draw-zones: cannot write {path}: 65536x8 is too large"
    assert not path.exists()


def test_one_picture_for_several_sources_is_refused(refuse: Refuse, tmp_path: Path) -> None:
    clip, path = make_clip(tmp_path / "clip.avi", 2), tmp_path / "a.png"
    said = refuse("--source", clip, "--source", clip, "--draw-zones", path)
    assert said == f"--draw-zones: expected {{camera}} in the path, for 2 sources, got '{path}'"
    assert not path.exists()


def test_a_camera_that_refuses_or_is_not_there_is_named(refuse: Refuse, tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        said = refuse(
            "--source", f"rtsp://user:secret-word@127.0.0.1:{port}/1",
            "--draw-zones", tmp_path / "a.png",
        )  # fmt: skip
    assert said.endswith("Connection refused")
    assert "secret-word" not in said
    said = refuse("--source", "/dev/video250", "--draw-zones", tmp_path / "a.png")
    assert said.startswith("/dev/video250: ")
    assert not (tmp_path / "a.png").exists()


def test_a_camera_that_says_nothing_is_given_up(refuse: Refuse, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}/video.mjpg"
        said = refuse(
            "--set", f"sources=[{{uri: '{uri}', silence_s: 0.5}}]",
            "--draw-zones", tmp_path / "a.png",
        )  # fmt: skip
    assert said == f"{uri}: this stream cannot be opened as video: no answer within 0.5 s"


def test_ctrl_c_ends_the_wait_for_a_camera_in_a_word(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # it may have been ignored
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"rtsp://127.0.0.1:{silent.getsockname()[1]}/1"
        process = subprocess.Popen(
            [sys.executable, str(REPOSITORY / "run_pipeline.py"), "--source", uri,
             "--draw-zones", str(tmp_path / "a.png")],
            cwd=REPOSITORY, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        signal.signal(signal.SIGINT, before)
        silent.settimeout(PATIENCE_S)
        with silent.accept()[0]:
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, said) == (130, "interrupted\n")
    assert not (tmp_path / "a.png").exists()


def test_a_pipe_that_ends_before_its_first_frame_is_refused(refuse: Refuse, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(writing)
    said = refuse("--source", f"pipe:{reading}", "--draw-zones", tmp_path / "a.png")
    os.close(reading)
    assert said == f"pipe:{reading}: its writer has gone, and no other can come"
    assert not (tmp_path / "a.png").exists()


def test_a_file_that_is_no_video_is_refused(refuse: Refuse, tmp_path: Path) -> None:
    path = tmp_path / "text.mp4"
    path.write_text("no video")
    said = refuse("--source", path, "--draw-zones", tmp_path / "a.png")
    assert said.startswith(f"{path}: this file cannot be opened as")
