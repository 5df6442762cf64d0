"""A real network camera: absent at first, then there, then gone, then back with another size."""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from pipeline.client import DetectionMessage, DetectionSubscriber, Message, StatusMessage
from tests.conftest import StartLine
from tests.integration.mjpeg_camera import MjpegCamera
from tests.ports import free_port
from tests.running_line import PATIENCE_S

SYSTEM_PYTHON = "/usr/bin/python3"  # the one that Debian's python3-gi belongs to
LABELS = frozenset({"person", "car"})  # that the tiny model finds in whatever is not black
QUICK = "retry: {first_s: 0.05, cap_s: 0.5}, silence_s: 2.0"
STEADY = QUICK.replace("2.0", "20.0")  # a server that is starved for a while is not silent
SERVER = Path(__file__).with_name("rtsp_server.py")
Received = DetectionMessage | StatusMessage


@pytest.fixture(scope="module", autouse=True)
def _needs_gstreamer() -> None:
    probe = 'import gi; gi.require_version("GstRtspServer", "1.0")'
    done = subprocess.run([SYSTEM_PYTHON, "-c", probe], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("needs Debian's python3-gi and gir1.2-gst-rtsp-server-1.0; see .ci/run")


@contextlib.contextmanager
def serve(port: int, size: str, *options: str, wrap: tuple[str, ...] = ()) -> Iterator[None]:
    command = [*wrap, SYSTEM_PYTHON, str(SERVER), str(port), size, "25", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        try:
            assert server.stdout.readline() == b"listening\n"
            yield
        finally:  # a test that failed would wait for it
            server.kill()


def read_until(
    subscriber: DetectionSubscriber, kind: type[Message], **wanted: object
) -> list[Received]:
    """Messages up to the first of this kind with these values."""
    seen: list[Received] = []
    for message in subscriber:
        seen.append(message)
        if isinstance(message, kind) and all(
            getattr(message, key) == value for key, value in wanted.items()
        ):
            return seen
    raise AssertionError(f"no {kind.__name__} with {wanted} in {PATIENCE_S} s after {seen[-3:]}")


def test_a_camera_may_come_late_go_and_come_back_with_another_size(start_line: StartLine) -> None:
    port = free_port()
    line = start_line("--source", f"rtsp://user:S3cret@127.0.0.1:{port}/test")
    address = f"rtsp://***@127.0.0.1:{port}/test"
    endpoint = f"ipc://{line.jsonl.parent}/pub"
    with DetectionSubscriber(
        endpoint, ["cam0"], timeout_s=PATIENCE_S, patience_s=None
    ) as subscriber:
        absent = read_until(subscriber, StatusMessage, state="connecting")[-1]
        if not absent.why:  # not yet tried
            absent = read_until(subscriber, StatusMessage, state="connecting")[-1]
        assert absent.why.endswith("cannot be opened as video: Connection refused")
        with serve(port, "320x240"):
            read_until(subscriber, StatusMessage, state="live")
            read_until(subscriber, DetectionMessage, width=320, height=240, epoch=1)
        lost = read_until(subscriber, StatusMessage, state="connecting")[-1]
        assert lost.why == f"{address}: the stream ended"
        with serve(port, "160x120"):
            read_until(subscriber, StatusMessage, state="live")
            read_until(subscriber, DetectionMessage, width=160, height=120, epoch=2)
            line.process.terminate()
            assert line.wait() == 0, line.stderr
    assert "S3cret" not in line.stdout + line.stderr
    messages = line.messages()
    assert [m.frame_id for m in messages] == sorted({m.frame_id for m in messages})


def test_a_subscriber_in_another_process_follows_a_network_camera(start_line: StartLine) -> None:
    """Ages, times and drops of a stream are what the wire format promises."""
    port = free_port()
    endpoint = f"tcp://127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "pipeline.client", endpoint, "--camera", "yard", "--json"]
    with serve(port, "320x240"), subprocess.Popen(command, stdout=subprocess.PIPE) as client:
        line = start_line(
            *("--set", f"sources=[{{name: yard, uri: 'rtsp://127.0.0.1:{port}/test'}}]"),
            *("--set", f"publish.endpoint={endpoint}"),
        )
        assert client.stdout is not None
        found: list[DetectionMessage] = []
        for text in client.stdout:
            message = msgspec.json.decode(text, type=Message)
            if isinstance(message, DetectionMessage) and message not in found:
                found.append(message)
            if len(found) == 40:
                break
        client.terminate()
        line.process.terminate()
        assert line.wait() == 0, line.stderr
    assert all((m.camera, m.width, m.height, m.status) == ("yard", 320, 240, "ok") for m in found)
    assert {frozenset(d.label for d in m.detections) for m in found} == {LABELS}
    pts = [m.pts_ns for m in found]
    assert pts == sorted(set(pts))
    assert [m.seq for m in found] == list(range(found[0].seq, found[0].seq + len(found)))
    missing = found[-1].frame_id - found[0].frame_id + 1 - len(found)
    assert sum(sum(m.drops.values()) for m in found) >= missing


def source(port: int, keys: str = QUICK, account: str = "") -> tuple[str, str]:
    uri = f"rtsp://{account and account + '@'}127.0.0.1:{port}/test"
    return "--set", f"sources=[{{uri: '{uri}', {keys}}}]"


def test_a_camera_may_come_back_with_another_codec(start_line: StartLine) -> None:
    port = free_port()
    line = start_line(*source(port))
    endpoint = f"ipc://{line.jsonl.parent}/pub"
    with DetectionSubscriber(endpoint, timeout_s=PATIENCE_S, patience_s=None) as subscriber:
        for epoch, codec in enumerate(("h264", "jpeg"), start=1):
            with serve(port, "320x240", "--codec", codec):
                read_until(subscriber, DetectionMessage, epoch=epoch)
    line.process.terminate()
    assert line.wait() == 0, line.stderr
    assert {frozenset(d.label for d in m.detections) for m in line.messages()} == {LABELS}


def test_a_camera_that_is_back_is_opened_long_before_its_wait_is_over(
    start_line: StartLine,
) -> None:
    """An hour, so that the camera is opened again because it was seen, or not at all."""
    port = free_port()
    line = start_line(*source(port, "retry: {first_s: 3600, cap_s: 3600}, silence_s: 2.0"))
    endpoint = f"ipc://{line.jsonl.parent}/pub"
    with DetectionSubscriber(endpoint, timeout_s=PATIENCE_S) as subscriber:
        why = ""
        while "Connection refused" not in why:
            why = read_until(subscriber, StatusMessage, state="connecting")[-1].why
        with serve(port, "320x240"):
            read_until(subscriber, DetectionMessage, epoch=1)
    line.process.terminate()
    assert line.wait() == 0, line.stderr
    assert "it can be reached again" in line.stderr


def test_a_password_that_is_asked_for_is_given_and_a_wrong_one_is_said(
    start_line: StartLine,
) -> None:
    port = free_port()
    with serve(port, "320x240", "--account", "admin:S3cret"):
        refused = start_line(*source(port, account="admin:wr0ng"))
        let_in = start_line(*source(port, account="admin:S3cret"))
        endpoint = f"ipc://{refused.jsonl.parent}/pub"
        with DetectionSubscriber(endpoint, timeout_s=PATIENCE_S, patience_s=None) as subscriber:
            why = "this stream"
            while "user name or password refused (401" not in why:
                why = read_until(subscriber, StatusMessage, state="connecting")[-1].why
        let_in.wait_for_messages(5)
        for line in (refused, let_in):
            line.process.terminate()
            assert line.wait() == 0, line.stderr
            assert "S3cret" not in line.stderr
            assert "wr0ng" not in line.stderr
    assert refused.messages() == []


@pytest.fixture
def narrow_network() -> Iterator[tuple[str, ...]]:
    """A wrapper for commands: a network of their own that loses what is more than a trickle."""
    name = f"line{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False)
    if made.returncode != 0:
        pytest.skip("needs the right to make a network name space (root)")
    limit = "tc qdisc add dev lo root tbf rate 1500kbit burst 8kb limit 16kb"
    enter = ("ip", "netns", "exec", name)
    subprocess.run([*enter, "sh", "-c", f"ip link set lo up && {limit}"], check=True)
    yield enter
    subprocess.run(["ip", "netns", "del", name], check=True)


def test_a_camera_over_udp_goes_on_when_packets_are_lost(
    start_line: StartLine, narrow_network: tuple[str, ...]
) -> None:
    """Frames are lost with them; the line is not, and the count of what it had goes on."""
    port = free_port()
    with serve(port, "320x240", wrap=narrow_network):
        line = start_line(*source(port, QUICK + ", rtsp_transport: udp"), wrap=narrow_network)
        line.wait_for_messages(40)
        line.process.terminate()
        assert line.wait() == 0, line.stderr
    messages = line.messages()
    assert sum(m.drops.get("damaged", 0) for m in messages) > 0
    assert [m.frame_id for m in messages] == sorted({m.frame_id for m in messages})
    for epoch in {m.epoch for m in messages}:
        times = [m.pts_ns for m in messages if m.epoch == epoch]
        assert times == sorted(set(times))
    assert "started again" not in line.stdout


def make_stream(path: Path, size: str) -> bytes:
    maker = SERVER.with_name("transport_stream.py")
    subprocess.run([SYSTEM_PYTHON, str(maker), str(path), size, "50"], check=True)
    return path.read_bytes()


def test_a_stream_that_changes_its_size_begins_an_epoch(
    start_line: StartLine, tmp_path: Path
) -> None:
    small = make_stream(tmp_path / "small.ts", "320x240")
    large = make_stream(tmp_path / "large.ts", "640x480")

    watched = threading.Event()

    def growing(connection: int) -> Iterator[bytes]:
        watched.wait(PATIENCE_S)  # or the small frames are gone before the subscriber is there
        yield b"HTTP/1.0 200 OK\r\nContent-Type: video/mp2t\r\n\r\n"
        yield small + large if connection == 1 else large

    with MjpegCamera(growing) as camera:
        line = start_line("--set", f"sources=[{{uri: '{camera.url}', {QUICK}}}]")
        endpoint = f"ipc://{line.jsonl.parent}/pub"
        with DetectionSubscriber(endpoint, timeout_s=PATIENCE_S, patience_s=None) as subscriber:
            read_until(subscriber, StatusMessage)
            watched.set()
            before = read_until(subscriber, DetectionMessage, width=640, height=480)[:-1]
        line.process.terminate()
        assert line.wait() == 0, line.stderr
    frames = [m for m in before if isinstance(m, DetectionMessage)]
    assert {(m.epoch, m.width, m.height) for m in frames} == {(1, 320, 240)}
    assert "frames are 640x480 now: a new epoch begins" in line.stderr
