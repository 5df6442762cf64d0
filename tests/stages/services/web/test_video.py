"""The WebSocket of video: a film for each viewer, and a reason where there is none."""

import io
import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import av
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from stages.services.web.guard import SUBPROTOCOL
from stages.services.web.video import MOST_VIEWERS, NO_VIDEO, TRY_AGAIN
from tests.clips import make_clip
from tests.recordings import assert_frames_in_order
from tests.running_line import PATIENCE_S, wait_until
from tests.stages.readers.coded_clips import make_coded
from tests.stages.services.web.web_line import ABSENT, WebLine


def film_source(folder: Path, name: str = "street") -> dict[str, object]:
    """Eight seconds, less a bit, with a key frame each second, over and over."""
    path = folder / "film.ts"
    if not path.exists():
        options = {"g": "25", "bf": "0", "x264-params": "scenecut=0"}
        make_coded(path, "libx264", range(12 * 16), size=(320, 240), options=options)
    return {"name": name, "uri": str(path), "loop": True, "realtime": True}


@pytest.fixture(scope="module")
def web(folder: Path) -> Iterator[WebLine]:
    clip = make_clip(folder / "clip.avi", 64)
    sources: list[dict[str, object]] = [
        film_source(folder),
        {"name": "jpegs", "uri": str(clip), "loop": True, "realtime": True},
        {"name": "away", "uri": ABSENT},
    ]
    with WebLine(folder / "line", sources) as web:
        web.wait_for_results("street")
        web.wait_for_results("jpegs")
        yield web


@contextmanager
def watching(web: WebLine, camera: str = "street", **options: Any) -> Iterator[ClientConnection]:
    address = f"ws://{web.host}/api/v1/cameras/{camera}/video"
    with connect(
        address, open_timeout=PATIENCE_S, close_timeout=0.1, max_size=None, **options
    ) as socket:
        yield socket


def read_film(socket: ClientConnection, fragments: int) -> tuple[dict[str, Any], bytes]:
    """So many fragments in a row. The clip, and with it the film, begins anew all eight seconds."""
    head: dict[str, Any] = {}
    parts: list[bytes] = []
    while len(parts) < 1 + fragments:
        part = socket.recv(PATIENCE_S)
        if isinstance(part, bytes):
            assert head, "a film begins with its head"
            parts.append(part)
        else:
            head, parts = json.loads(part), []
            assert head["type"] == "film"
    return head, b"".join(parts)


def test_a_viewer_gets_a_film_whose_times_are_those_of_the_messages(web: WebLine) -> None:
    with watching(web, subprotocols=[SUBPROTOCOL]) as socket:
        assert socket.subprotocol == SUBPROTOCOL
        head, film = read_film(socket, 30)
    assert head["type"] == "film"
    assert (head["camera"], head["width"], head["height"]) == ("street", 320, 240)
    assert head["media_type"].startswith('video/mp4; codecs="avc1.')
    opened: Any = av.open(io.BytesIO(film))
    with opened as container:
        shown_ns = [
            head["origin_pts_ns"] + round(frame.time * 1e9) for frame in container.decode(video=0)
        ]
    assert len(shown_ns) == 30
    web.line.wait_for_more(50)
    known_ns = [message.pts_ns for message in web.line.messages() if message.camera == "street"]
    for pts_ns in shown_ns:
        assert min(abs(known - pts_ns) for known in known_ns) < 20_000, "ns: a tick of the film"


def test_a_camera_without_video_says_so_and_one_that_is_away_too(web: WebLine) -> None:
    for camera, code, reason in (
        ("jpegs", NO_VIDEO, "it sends no H.264, H.265 or AV1"), ("away", TRY_AGAIN, "away is"),
    ):  # fmt: skip
        with watching(web, camera) as socket, pytest.raises(ConnectionClosed) as closed:
            socket.recv(PATIENCE_S)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == code
        assert closed.value.rcvd.reason.startswith(reason)


def test_a_camera_that_is_not_there_is_refused(web: WebLine) -> None:
    with pytest.raises(InvalidStatus) as refused, watching(web, "nowhere"):
        pass
    assert refused.value.response.status_code == 404
    problem = json.loads(refused.value.response.body)
    assert problem["detail"] == "no camera 'nowhere'; there are street, jpegs, away"


def test_only_so_many_look_at_the_same_time(web: WebLine) -> None:
    with ExitStack() as stack:
        for _ in range(MOST_VIEWERS):
            stack.enter_context(watching(web))
        with pytest.raises(InvalidStatus) as refused, watching(web):
            pass
        assert refused.value.response.status_code == 503

    def can_look() -> bool:
        try:
            with watching(web) as socket:
                read_film(socket, 3)
                return True
        except InvalidStatus:
            return False

    wait_until(can_look, "there is room again", pause_s=0.1)


def test_the_film_of_a_new_capture_process_follows_with_a_head_of_its_own(web: WebLine) -> None:
    with watching(web) as socket:
        first, _ = read_film(socket, 10)
        web.line.kill_running("capture.street")
        part = socket.recv(PATIENCE_S)
        while isinstance(part, bytes):
            part = socket.recv(PATIENCE_S)
        head = json.loads(part)
        assert head["generation"] > first["generation"]
        assert head["origin_pts_ns"] > first["origin_pts_ns"]


def test_twenty_viewers_of_whom_one_never_reads_cost_the_line_no_frame(short_dir: Path) -> None:
    with WebLine(short_dir / "line", [film_source(short_dir)]) as web:
        web.wait_for_results("street")
        with ExitStack() as stack:
            sockets = [stack.enter_context(watching(web)) for _ in range(20)]
            for socket in sockets[1:]:  # the first never reads
                shown = 0
                while shown < 60:  # a viewer who is late is told so, and sees what comes next
                    shown += isinstance(socket.recv(PATIENCE_S), bytes)
            web.line.kill_running("web")
            web.wait()
            with watching(web) as socket:
                read_film(socket, 30)
        web.line.look()
        web.line.process.send_signal(signal.SIGINT)
        assert web.line.wait() == 0, web.line.stderr
        assert_frames_in_order(web.line.messages())
        assert web.line.leftovers() == []
