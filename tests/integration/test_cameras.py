"""Network cameras with all the usual faults: the line says so, goes on, and takes them back."""

import itertools
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.client import DetectionMessage, DetectionSubscriber, StatusMessage
from tests.clips import make_clip
from tests.conftest import StartLine
from tests.integration import mjpeg_camera
from tests.integration.mjpeg_camera import MjpegCamera, falling_silent, freezing, moving, stream
from tests.recordings import assert_frames_in_order
from tests.running_line import PATIENCE_S, RunningLine, wait_until

QUICK = "retry: {first_s: 0.05, cap_s: 0.2}, silence_s: 1.0, freeze_s: 1.0"


def source(uri: str, keys: str = QUICK) -> tuple[str, str]:
    return "--set", f"sources=[{{name: yard, uri: '{uri}', {keys}}}]"


class Listener:
    """Collects what a line publishes, from before its start."""

    def __init__(self, folder: Path) -> None:
        self._subscriber = DetectionSubscriber(
            f"ipc://{folder}/pub", timeout_s=PATIENCE_S, patience_s=None
        )
        self.frames: list[DetectionMessage] = []
        self.states: list[StatusMessage] = []

    def until(self, state: str, why: str = "") -> StatusMessage:
        """Up to the next status of this kind; one that lasts for a moment may never be told."""
        for message in self._messages():
            if isinstance(message, StatusMessage) and message.state == state and why in message.why:
                return message
        raise AssertionError(f"not {state} in {PATIENCE_S} s, but {self.states[-3:]}")

    def until_frames(self, count: int) -> list[DetectionMessage]:
        """The next frames."""
        first = len(self.frames)
        for _ in self._messages():
            if len(self.frames) >= first + count:
                return self.frames[first:]
        raise AssertionError(f"only {len(self.frames) - first} frames in {PATIENCE_S} s")

    def until_epochs(self, count: int) -> list[int]:
        """Frames of so many epochs have come in all; returns the epochs."""
        for _ in self._messages():
            epochs = {frame.epoch for frame in self.frames}
            if len(epochs) >= count:
                return sorted(epochs)
        raise AssertionError(f"not frames of {count} epochs in {PATIENCE_S} s")

    def _messages(self) -> Iterator[DetectionMessage | StatusMessage]:
        deadline = time.monotonic() + PATIENCE_S
        for message in self._subscriber:
            if isinstance(message, DetectionMessage):
                self.frames.append(message)
            elif isinstance(message, StatusMessage):
                self.states.append(message)
            yield message
            if time.monotonic() > deadline:
                return

    def close(self) -> None:
        self._subscriber.close()


@pytest.fixture
def listener(short_dir: Path) -> Iterator[Listener]:
    (short_dir / "0").mkdir()
    listener = Listener(short_dir / "0")
    (short_dir / "0").rmdir()  # the line makes it; ZeroMQ goes on trying
    yield listener
    listener.close()


def stop(line: RunningLine) -> None:
    line.look()
    line.process.send_signal(signal.SIGTERM)
    assert line.wait() == 0, line.stderr
    assert line.leftovers() == []


def test_a_camera_that_falls_silent_is_stalled_and_opened_again(
    start_line: StartLine, listener: Listener
) -> None:
    silent = threading.Event()
    with MjpegCamera(falling_silent(silent)) as camera:
        line = start_line(*source(camera.url))
        listener.until("live")
        before = listener.until_frames(1)[-1].epoch
        silent.set()
        stalled = listener.until("stalled")
        assert stalled.why == f"{camera.url}: sent nothing for 1 s"
        camera.script = moving
        listener.until("live")
        last = {frame.epoch for frame in listener.until_frames(10)[-5:]}
        assert len(last) == 1
        assert min(last) > before
        stop(line)
    numbers = [frame.frame_id for frame in listener.frames]
    assert numbers == sorted(set(numbers))


def turned(part: bytes) -> bytes:
    """The picture as a camera stores it that lies on its side: EXIF orientation 6."""
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    soi = b"\xff\xd8"
    return part.replace(soi, soi + b"\xff\xe1" + (len(exif) + 2).to_bytes(2) + exif, 1)


def careless(connection: int) -> Iterator[bytes]:
    """Lengths are wrong, every sixth picture lacks its end, and every sixth is none."""
    pictures = stream(iter(itertools.count()))
    yield next(pictures)
    for number, part in enumerate(pictures):
        head, _, picture = turned(part).partition(b"\r\n\r\n")
        if number % 6 == 2:
            picture = picture[:-20]
        elif number % 6 == 5:
            picture = b"busy"
        yield head.replace(b"Content-Length: ", b"Content-Length: 9") + b"\r\n\r\n" + picture


def test_a_careless_camera_loses_what_is_damaged_and_nothing_else(
    start_line: StartLine, listener: Listener
) -> None:
    with MjpegCamera(careless) as camera:
        line = start_line(*source(camera.url))
        frames = listener.until_frames(60)
        assert camera.connections == 1
        stop(line)
    assert {(frame.epoch, frame.width, frame.height) for frame in frames} == {(1, 48, 64)}
    losses = sum((Counter(frame.drops) for frame in frames), Counter[str]())
    assert losses["undecodable"] >= 5
    assert losses["damaged"] >= 5


def test_a_picture_that_stands_still_is_published_no_more_until_it_moves(
    start_line: StartLine, listener: Listener
) -> None:
    frozen = threading.Event()
    with MjpegCamera(freezing(frozen)) as camera:
        line = start_line(*source(camera.url))
        listener.until("live")
        listener.until_frames(1)
        frozen.set()
        assert listener.until("stalled").why == "the frame has not changed for 1 s"
        connections, epoch = camera.connections, listener.frames[-1].epoch
        wait_until(lambda: camera.connections > connections + 2, "it is opened again and again")
        camera.script = moving
        listener.until("live")
        listener.until_frames(5)
        stop(line)
    moved = {frame.epoch for frame in listener.frames if frame.epoch > epoch}
    assert min(moved) > epoch + 2


def test_a_refused_password_is_said_once_and_tried_seldom(
    start_line: StartLine, listener: Listener
) -> None:
    keys = "retry: {first_s: 0.01, cap_s: 1.0}"
    with MjpegCamera(mjpeg_camera.refusing) as camera:
        uri = camera.url.replace("//", "//admin:S3cret@")
        line = start_line(*source(uri, keys))
        why = listener.until("connecting", "refused").why
        assert why.endswith("user name or password refused (401 Unauthorized)")
        wait_until(lambda: camera.connections >= 12, "it is tried some times")
        pauses = [b - a for a, b in zip(camera.moments, camera.moments[1:], strict=False)]
        assert sum(pause > 0.7 for pause in pauses) >= 3
        camera.script = moving
        listener.until("live")
        stop(line)
    assert line.complaints("refused") == 1
    assert "S3cret" not in line.stdout + line.stderr


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_a_server_that_accepts_and_says_nothing_is_not_there(
    start_line: StartLine, listener: Listener, scheme: str
) -> None:
    with MjpegCamera(mjpeg_camera.mute) as camera:
        line = start_line(*source(camera.url.replace("http", scheme)))
        listener.until("connecting", "no answer within 1 s")
        stop(line)
    assert listener.frames == []


def test_a_name_that_nobody_knows_is_said_and_tried_again(
    start_line: StartLine, listener: Listener
) -> None:
    line = start_line(*source("rtsp://camera.invalid/1"))
    listener.until("connecting", "Name or service not known")
    stop(line)
    assert line.complaints("Name or service not known") == 1


def test_each_connection_is_an_epoch_and_frames_go_on_counting(
    start_line: StartLine, listener: Listener
) -> None:
    with MjpegCamera(lambda connection: stream(range(connection, connection + 12))) as camera:
        line = start_line(*source(camera.url))
        listener.until("live")
        listener.until("connecting", "the stream ended")
        epochs = listener.until_epochs(5)
        stop(line)
    numbers = [(frame.epoch, frame.frame_id) for frame in listener.frames]
    assert numbers == sorted(numbers)
    assert len({frame_id for _, frame_id in numbers}) == len(numbers)
    for epoch in epochs:
        times = [frame.pts_ns for frame in listener.frames if frame.epoch == epoch]
        assert times == sorted(set(times))


def test_a_capture_process_that_is_stopped_is_replaced(
    start_line: StartLine, listener: Listener
) -> None:
    keys = "retry: {first_s: 0.05, cap_s: 0.2}, silence_s: 5.0"
    with MjpegCamera() as camera:
        line = start_line(*source(camera.url, keys), "--set", "limits.frame_s=1.5")
        listener.until("live")
        before = listener.until_frames(1)[-1].epoch
        camera.script = mjpeg_camera.mute  # so that the successor does not change the state at once
        line.kill("capture.yard", signal.SIGSTOP)
        listener.until("stalled", "its process hung")
        camera.script = moving
        listener.until("live")
        assert listener.until_frames(5)[-1].epoch > before
        stop(line)


def test_a_camera_that_is_away_costs_the_other_nothing(
    start_line: StartLine, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.avi", 150)
    with MjpegCamera(mjpeg_camera.mute) as camera:
        sources = f"sources=[{{uri: '{camera.url}', {QUICK}}}, {{uri: {clip}}}]"
        line = start_line("--set", sources)
        line.wait_for_messages(150)
        stop(line)
    assert_frames_in_order(line.messages(), 150)


def test_a_url_of_a_file_is_that_file(start_line: StartLine, tmp_path: Path) -> None:
    """Lossless, and with an end."""
    clip = make_clip(tmp_path / "a clip.avi", 60)
    line = start_line("--source", clip.as_uri())
    assert line.wait() == 0, line.stderr
    assert_frames_in_order(line.messages(), 60)
