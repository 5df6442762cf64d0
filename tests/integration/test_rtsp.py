"""A real network camera: absent at first, then there, then gone, then back with another size."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from pipeline.client import DetectionMessage, DetectionSubscriber, Message, StatusMessage
from tests.conftest import StartLine
from tests.integration.test_subscribers import free_port
from tests.running_line import PATIENCE_S

SYSTEM_PYTHON = "/usr/bin/python3"  # the one that Debian's python3-gi belongs to
SERVER = Path(__file__).with_name("rtsp_server.py")


@pytest.fixture(scope="module", autouse=True)
def _needs_gstreamer() -> None:
    probe = 'import gi; gi.require_version("GstRtspServer", "1.0")'
    done = subprocess.run([SYSTEM_PYTHON, "-c", probe], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("needs Debian's python3-gi and gir1.2-gst-rtsp-server-1.0; see .ci/run")


@contextlib.contextmanager
def serve(port: int, size: str) -> Iterator[None]:
    command = [SYSTEM_PYTHON, str(SERVER), str(port), size, "25"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"listening\n"
        yield
        server.kill()


def read_until(
    subscriber: DetectionSubscriber, kind: type[Message], **wanted: object
) -> list[Message]:
    """Messages up to the first of this kind with these values."""
    seen: list[Message] = []
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
    with DetectionSubscriber(endpoint, ["cam0"], timeout_s=PATIENCE_S) as subscriber:
        absent = read_until(subscriber, StatusMessage, state="connecting")[-1]
        if not absent.why:  # not yet tried
            absent = read_until(subscriber, StatusMessage, state="connecting")[-1]
        assert absent.why == f"{address}: this stream cannot be opened as video"
        with serve(port, "320x240"):
            read_until(subscriber, StatusMessage, state="live")
            read_until(subscriber, DetectionMessage, width=320, height=240, epoch=1)
        lost = read_until(subscriber, StatusMessage, state="connecting")[-1]
        assert lost.why == f"{address}: the stream ended or sent nothing for 5 s"
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
    assert all([d.label for d in m.detections] == ["person", "car"] for m in found)
    pts = [m.pts_ns for m in found]
    assert pts == sorted(set(pts))
    assert [m.seq for m in found] == list(range(found[0].seq, found[0].seq + len(found)))
    missing = found[-1].frame_id - found[0].frame_id + 1 - len(found)
    assert sum(sum(m.drops.values()) for m in found) >= missing
