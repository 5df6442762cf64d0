"""What happens to `web` costs the line nothing, and viewers that do nothing cost `web` nothing."""

import json
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.clips import make_clip
from tests.ports import free_port
from tests.recordings import assert_frames_in_order
from tests.running_line import PATIENCE_S, wait_until
from tests.stages.services.web.web_line import WebLine


@pytest.fixture
def web(short_dir: Path) -> Iterator[WebLine]:
    clip = make_clip(short_dir / "clip.avi", 64, (1280, 720))
    source: dict[str, object] = {
        "name": "street", "uri": str(clip), "loop": True, "realtime": True,
    }  # fmt: skip
    web = WebLine(short_dir / "line", [source])
    yield web
    web.line.end()


def stop(web: WebLine) -> None:
    """And check that the line lost no frame, and left nothing behind."""
    web.line.look()
    web.line.process.send_signal(signal.SIGINT)
    assert web.line.wait() == 0, web.line.stderr
    assert_frames_in_order(web.line.messages())
    assert web.line.leftovers() == []


def test_a_killed_service_comes_back_and_the_line_loses_no_frame(web: WebLine) -> None:
    web.wait_for_results("street")
    with web.stream() as stream:
        assert json.loads(stream.recv(PATIENCE_S))["camera"] == "street"
        web.line.kill_running("web")
    web.wait_for_results("street")
    assert web.ask("/cameras/street/snapshot.jpg").status == 200
    rows = web.ask("/api/v1/status").json()["processes"]
    assert {row["name"]: row["restarts"] for row in rows}["web"] == 1
    stop(web)
    assert web.line.stderr.count("web was killed by SIGKILL: starting it again") == 1


def test_a_stream_goes_on_when_what_it_listens_to_was_killed(web: WebLine) -> None:
    web.wait_for_results("street")
    with web.stream("?kinds=detections") as stream:
        before = json.loads(stream.recv(PATIENCE_S))
        web.line.kill_running("publish")
        last = len(web.line.messages()) + 20
        while (message := json.loads(stream.recv(PATIENCE_S)))["frame_id"] < last:
            assert message["seq"] > before["seq"]
            before = message
        assert web.ask("/cameras/street/snapshot.jpg").status == 200
    stop(web)


def test_a_service_whose_port_is_taken_says_so_and_serves_when_it_is_free(
    short_dir: Path,
) -> None:
    clip = make_clip(short_dir / "clip.avi", 64)
    source: dict[str, object] = {
        "name": "street", "uri": str(clip), "loop": True, "realtime": True,
    }  # fmt: skip
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]
        web = WebLine(short_dir / "line", [source], listen=f"127.0.0.1:{port}")
        web.port = port
        wait_until(lambda: web.line.complaints("expected a free port") > 0, "it is said")
    try:
        web.wait_for_results("street")
        stop(web)
    finally:
        web.line.end()


def connections(web: WebLine) -> int:
    """Sockets that the process of the service has open for viewers."""
    rows = Path(f"/proc/{web.line.pid('web')}/net/tcp").read_text().splitlines()[1:]
    local = f"0100007F:{web.port:04X}"
    established = "01"
    return sum(row.split()[1] == local and row.split()[3] == established for row in rows)


REQUESTS = [
    "GET /cameras/street/live.mjpg?fps=30 HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "GET /api/v1/stream HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    "GET /cameras/street/snapshot.jpg HTTP/1.1\r\nHost: {host}\r\n\r\n" * 20,
    "GET /cameras/street/live.mjpg HTTP/1.1\r\n",  # and never more
    "",
]


def test_viewers_that_never_read_are_left_and_cost_the_line_no_frame(web: WebLine) -> None:
    web.wait_for_results("street")
    with ExitStack() as stack:
        for request in REQUESTS:
            viewer = socket.socket()
            viewer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            viewer.connect(("127.0.0.1", web.port))
            viewer.sendall(request.format(host=web.host).encode())
            stack.callback(viewer.close)
        wait_until(lambda: connections(web) > 0, "they are connected")
        wait_until(lambda: connections(web) == 0, "they are left")
        assert web.ask("/cameras/street/snapshot.jpg").status == 200
    stop(web)
    assert "starting it again" not in web.line.stderr
    assert "ERROR" not in web.line.stderr
