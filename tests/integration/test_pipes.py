"""Live pipes: whoever writes into one stands for a camera."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clips import make_clip
from tests.conftest import StartLine
from tests.integration.test_cameras import QUICK, Listener
from tests.running_line import wait_until


@pytest.fixture
def listener(short_dir: Path) -> Iterator[Listener]:
    (short_dir / "0").mkdir()
    listener = Listener(short_dir / "0")
    (short_dir / "0").rmdir()  # the line makes it
    yield listener
    listener.close()


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Fits into a pipe, so that its writer need not wait for a reader."""
    path = make_clip(tmp_path / "clip.avi", 50)
    assert path.stat().st_size < 65_536
    return path


def write_and_stay(clip: Path, pipe: Path) -> subprocess.Popen[bytes]:
    """A program that writes the clip and then holds the pipe open, as a camera that hangs."""
    return subprocess.Popen(["sh", "-c", 'exec >"$1"; cat "$0"; exec sleep 600', clip, pipe])


def test_a_fifo_whose_writer_dies_is_a_camera_that_went_and_comes_back(
    start_line: StartLine, listener: Listener, short_dir: Path, clip: Path
) -> None:
    fifo = short_dir / "fifo"
    os.mkfifo(fifo)
    line = start_line("--set", f"sources=[{{name: yard, uri: {fifo}, {QUICK}}}]")
    listener.until("connecting", "nobody has written for 1 s")
    first_frames = []
    for _ in range(2):
        with write_and_stay(clip, fifo) as writer:
            known = len(listener.frames)
            listener.until("live")  # which may be told when all its frames have come
            if len(listener.frames) == known:
                listener.until_frames(1)
            first_frames.append(listener.frames[known].frame_id)
            listener.until("stalled", "sent nothing for 1 s")
            writer.send_signal(signal.SIGKILL)
        listener.until("connecting", "nobody has written for 1 s")
    assert first_frames[0] < first_frames[1], "frames count on"
    line.process.send_signal(signal.SIGTERM)
    assert line.wait() == 0, line.stderr
    assert line.leftovers() == []


def test_standard_input_whose_writer_dies_is_a_camera_that_is_lost(
    start_line: StartLine, listener: Listener, short_dir: Path, clip: Path
) -> None:
    """The other camera goes on, and the exit code tells of it in the end."""
    wrap = ("bash", "-c", 'exec "$@" < <(cat "$0")', str(clip))
    other = f"{{name: street, uri: {clip}, loop: true, realtime: true}}"
    line = start_line("--set", f"sources=[{{name: yard, uri: '-', {QUICK}}}, {other}]", wrap=wrap)
    listener.until("lost", "its source is gone for good")
    wait_until(
        lambda: any(m.camera == "street" for m in listener.until_frames(1)), "the other goes on"
    )
    line.process.send_signal(signal.SIGTERM)
    assert line.wait() == 1, line.stderr
    assert line.complaints("-: its writer has gone, and no other can come") == 1
    assert line.leftovers() == []


def test_a_line_that_has_lost_its_only_pipe_ends_with_code_1(
    start_line: StartLine, clip: Path
) -> None:
    wrap = ("bash", "-c", 'exec "$@" < <(cat "$0")', str(clip))
    line = start_line("--source", "-", wrap=wrap)
    assert line.wait() == 1, line.stderr
    assert len(line.messages()) > 0
    assert line.leftovers() == []
