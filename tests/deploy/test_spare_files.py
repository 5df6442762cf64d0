"""What is taken out of an environment is missed by no line, and all of it is spare."""

import importlib.metadata
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.clips import make_clip
from tests.deploy.distributions import find_distributions
from tests.running_line import REPOSITORY, read_messages

SCRIPT = REPOSITORY / "deploy/spare_files.py"
TIMEOUT_S = 300
READ_BOTH = """
import sys
import {first}, {second}
import cv2
capture = cv2.VideoCapture(sys.argv[1], cv2.CAP_FFMPEG)
frames = 0
while capture.read()[0]:
    frames += 1
maps = open("/proc/self/maps").read().split()
print(frames, len({{path for path in maps if "/libavcodec-" in path}}))
"""

pytestmark = pytest.mark.skipif(
    not (shutil.which("strip") and shutil.which("readelf")), reason="binutils are not installed"
)


def make_environment(folder: Path) -> Path:
    """An environment with a second name of each installed file; returns its site-packages."""
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    for distribution in find_distributions(["web"]):  # a line with the page
        for file in distribution.files or ():
            source = Path(str(distribution.locate_file(file)))
            if file.parts[0] == ".." or not source.is_file():
                continue
            (site / file).parent.mkdir(parents=True, exist_ok=True)
            link(source, site / file)
    return site


def link(source: Path, path: Path) -> None:
    try:
        os.link(source, path)
    except OSError:  # another file system
        shutil.copy(source, path)


def size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


def call(*command: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True,
        timeout=TIMEOUT_S, check=False,
    )  # fmt: skip


class Spared:
    """An environment without its spare files."""

    def __init__(self, folder: Path) -> None:
        self.site = make_environment(folder)
        self.python = folder / "bin/python"
        self.before = size(self.site)
        self.ended = call(sys.executable, SCRIPT, folder, cwd=folder)
        assert self.ended.returncode == 0, self.ended.stderr


@pytest.fixture(scope="module")
def spared(tmp_path_factory: pytest.TempPathFactory) -> Spared:
    return Spared(tmp_path_factory.mktemp("spared"))


def test_a_quarter_is_spare_and_each_part_is_told(spared: Spared) -> None:
    assert size(spared.site) < 0.75 * spared.before, spared.ended.stdout
    parts = [line.split(" MB  ") for line in spared.ended.stdout.splitlines()[:-1]]
    assert all(float(megabytes) > 0.3 for megabytes, _ in parts), spared.ended.stdout
    assert "OpenCV's own FFmpeg" in [what for _, what in parts]


def test_what_was_installed_stays_whole(spared: Spared) -> None:
    """The environment that the tests run in has the same files by other names."""
    where = importlib.metadata.distribution("onnxruntime").locate_file("onnxruntime/capi")
    capi = Path(str(where))
    assert list(capi.glob("libonnxruntime.so*"))
    assert not list((spared.site / "onnxruntime/capi").glob("libonnxruntime.so*"))


def test_done_again_nothing_is_done(spared: Spared) -> None:
    left = {path: path.lstat().st_mtime_ns for path in spared.site.rglob("*.so*")}
    ended = call(sys.executable, SCRIPT, spared.site, cwd=spared.site)
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert all(line.strip().startswith("0.0 MB") for line in lines[:-1]), ended.stdout
    assert {path for path in spared.site.rglob("*.so*")} == set(left)


@pytest.mark.parametrize("order", [("av", "cv2"), ("cv2", "av")], ids=" then ".join)
def test_opencv_reads_films_with_the_ffmpeg_of_pyav(
    spared: Spared, order: tuple[str, str], tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.avi", 7)
    program = READ_BOTH.format(first=order[0], second=order[1])
    ended = call(spared.python, "-I", "-c", program, clip, cwd=tmp_path)
    assert (ended.stdout, ended.stderr) == ("7 1\n", ""), ended.stderr


def test_a_line_finds_the_same_without_them(spared: Spared, tmp_path: Path) -> None:
    """The shipped model on the drawn street, with a film of it."""
    found = {}
    for name, python in (("whole", Path(sys.executable)), ("spared", spared.python)):
        folder = tmp_path / name
        folder.mkdir()
        ended = call(
            python, REPOSITORY / "run_pipeline.py",
            "--set", "sources=[{uri: 'scene://street?seed=5&seconds=2', live: false}]",
            "--set", f"record.jsonl={folder}/out.jsonl", "--set", f"record.video={folder}/out.mp4",
            "--set", f"publish.endpoint=ipc://{folder}/pub", cwd=folder,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
        assert (folder / "out.mp4").stat().st_size > 0
        found[name] = [message.detections for message in read_messages(folder / "out.jsonl")]
    assert found["spared"] == found["whole"]
    assert any(found["spared"])


def test_an_ffmpeg_of_another_version_is_kept(tmp_path: Path) -> None:
    site = make_environment(tmp_path)
    (library,) = (site / "av.libs").glob("libavutil-*")
    library.rename(library.with_name("libavutil-00000000.so.1.0.100"))
    before = sorted(path.name for path in site.glob("opencv*.libs/*"))
    ended = call(sys.executable, SCRIPT, tmp_path, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "OpenCV's own FFmpeg: kept, as versions differ: libavutil-" in ended.stdout
    assert sorted(path.name for path in site.glob("opencv*.libs/*")) == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "expected an environment with ThunderLine, or its site-packages"),
        (("--prefix", "none-"), "no program none-readelf: install Debian's package binutils"),
    ],
    ids=["another folder", "no binutils"],
)
def test_what_cannot_be_done_is_said(tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    if options:
        make_environment(tmp_path)
    ended = call(sys.executable, SCRIPT, *options, tmp_path, cwd=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: ")
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1
