"""Pictures of a real line: of the frame that they say, with its boxes, and shared."""

import re
import shutil
import socket
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from stages.kernels.pixels import Pixels
from tests.clips import level, make_clip
from tests.running_line import PATIENCE_S, wait_until
from tests.stages.services.web.web_line import ABSENT, Answer, WebLine

SNAPSHOT = "/cameras/street/snapshot.jpg"
WIDTH, HEIGHT = 320, 240
BRIEF = 9  # frames


@pytest.fixture(scope="module")
def web() -> Iterator[WebLine]:
    """Each frame is of one grey, which tells its number."""
    folder = Path(tempfile.mkdtemp(prefix="line-"))
    clip = make_clip(folder / "clip.avi", 64, (WIDTH, HEIGHT))
    sources: list[dict[str, object]] = [
        {"name": "street", "uri": str(clip), "loop": True, "realtime": True},
        {"name": "yard", "uri": ABSENT},
        {"name": "brief", "uri": str(make_clip(folder / "brief.avi", BRIEF, (WIDTH, HEIGHT)))},
    ]
    with WebLine(folder / "line", sources) as web:
        web.wait_for_results("street")
        yield web
        shutil.rmtree(folder)


def decode(jpeg: bytes) -> Pixels:
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image.astype(np.uint8)


def shows(answer: Answer) -> Pixels:
    assert answer.status == 200, answer.body
    assert answer.headers["Content-Type"] == "image/jpeg"
    return decode(answer.body)


def test_a_picture_is_of_the_frame_that_it_says(web: WebLine) -> None:
    seen = set[int]()

    def go_on() -> bool:
        answer = web.ask(f"{SNAPSHOT}?annotated=0")
        image, frame_id = shows(answer), int(answer.headers["X-Frame-Id"])
        assert image.shape == (HEIGHT, WIDTH, 3)
        assert np.abs(image.astype(int) - level(frame_id)).max() < 5, frame_id
        seen.add(frame_id)
        return len(seen) > 8

    wait_until(go_on, "nine frames were seen")


def test_boxes_are_drawn_where_they_are_asked_for(web: WebLine) -> None:
    answer = web.ask(f"{SNAPSHOT}?annotated=1")
    image, grey = shows(answer), level(int(answer.headers["X-Frame-Id"]))
    boxes = [
        found["box"] for found in web.ask("/api/v1/cameras/street/detections").json()["detections"]
    ]
    assert len(boxes) == 2
    for x1, y1, x2, y2 in boxes:
        for x, y in ((x1, (y1 + y2) / 2), (x2, (y1 + y2) / 2), ((x1 + x2) / 2, y2)):
            edge = image[max(round(y) - 1, 0) : round(y) + 2, max(round(x) - 1, 0) : round(x) + 2]
            assert np.ptp(edge.astype(int), axis=2).max() > 50, "a coloured edge"
    assert np.abs(image[-3:, :40].astype(int) - grey).max() < 5, "nothing was found there"


def test_a_picture_can_be_smaller_and_is_never_enlarged(web: WebLine) -> None:
    assert shows(web.ask(f"{SNAPSHOT}?width=160")).shape == (120, 160, 3)
    assert shows(web.ask(f"{SNAPSHOT}?width=4000")).shape == (HEIGHT, WIDTH, 3)


def wait_for_end(web: WebLine) -> None:
    def has_ended() -> bool:
        cameras = web.ask("/api/v1/cameras").json()["cameras"]
        states = {each["name"]: str(each["state"]) for each in cameras}
        return states["brief"] == "ended"

    wait_until(has_ended, "the clip is over")


def test_a_picture_that_is_there_is_not_sent_again(web: WebLine) -> None:
    wait_for_end(web)  # from then on its picture stays
    path = "/cameras/brief/snapshot.jpg"
    tag = web.ask(path).headers["ETag"]
    again = web.ask(path, headers={"If-None-Match": tag})
    assert (again.status, again.body, again.headers["ETag"]) == (304, b"", tag)


def test_each_picture_of_a_camera_has_a_tag_of_its_own(web: WebLine) -> None:
    first = web.ask(SNAPSHOT).headers["ETag"]

    def is_another() -> bool:
        answer = web.ask(SNAPSHOT, headers={"If-None-Match": first})
        assert answer.status in (200, 304)
        return answer.status == 200 and answer.headers["ETag"] != first

    wait_until(is_another, "a new picture is there")


def test_the_last_picture_of_a_camera_that_has_ended_is_there(web: WebLine) -> None:
    wait_for_end(web)
    answer = web.ask("/cameras/brief/snapshot.jpg?annotated=0")
    assert int(answer.headers["X-Frame-Id"]) == BRIEF - 1
    assert np.abs(shows(answer).astype(int) - level(BRIEF - 1)).max() < 5


def test_a_camera_without_a_picture_says_so(web: WebLine) -> None:
    for path in ("snapshot.jpg", "live.mjpg"):
        answer = web.ask(f"/cameras/yard/{path}")
        assert answer.status == 503
        assert answer.json()["detail"] == "camera yard: no picture yet"


@pytest.mark.parametrize(
    "query", ["width=15", "width=8193", "width=x", "width=100.5", "width=nan", "annotated=2",
              "fps=0", "fps=31", "fps=-1", "fps=nan", "fps=x"],
)  # fmt: skip
def test_what_no_picture_can_be_is_refused(web: WebLine, query: str) -> None:
    answer = web.ask(f"/cameras/street/live.mjpg?{query}")
    assert answer.status == 400
    assert answer.json()["detail"].startswith(query.partition("=")[0])


def parts(web: WebLine, query: str, count: int) -> list[Pixels]:
    """The first pictures of a stream, as a browser takes it apart."""
    with socket.create_connection(("127.0.0.1", web.port), timeout=PATIENCE_S) as client:
        request = f"GET /cameras/street/live.mjpg?{query} HTTP/1.0\r\nHost: {web.host}\r\n\r\n"
        client.sendall(request.encode())
        received = b""
        head = b"--thunderline-frame\r\nContent-Type: image/jpeg\r\n\r\n"
        while received.count(head) <= count:
            chunk = client.recv(65536)
            assert chunk, received[-200:]
            received += chunk
    assert received.startswith(b"HTTP/1.1 200 ")
    assert re.search(
        rb"content-type: multipart/x-mixed-replace; boundary=thunderline-frame", received
    )
    pictures = received.split(head)[1 : count + 1]
    return [decode(picture.removesuffix(b"\r\n")) for picture in pictures]


def test_a_stream_shows_one_frame_after_the_other(web: WebLine) -> None:
    images = parts(web, "annotated=0&fps=25&width=160", 12)
    assert {image.shape for image in images} == {(120, 160, 3)}
    greys = [round(float(image.mean())) for image in images]
    assert all(min(abs(grey - level(i)) for i in range(16)) < 4 for grey in greys)
    assert len(set(greys)) > 3
    # A starved machine may repeat a frame, or show the sixteenth after it, which is as grey.
    assert sum(before == after for before, after in pairwise(greys)) <= 3
