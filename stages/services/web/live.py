"""Pictures over HTTP: one, or one after the other as Motion JPEG."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from stages.services.web.api import NAME, CameraNames, check_camera
from stages.services.web.openapi import Operation, Parameter
from stages.services.web.pictures import Look, Photo, Pictures
from stages.services.web.problem import Refusal
from stages.services.web.race import run_until_first

REPEAT_S = 2.0  # a stream without new pictures shows the last one again, so that proxies keep it
MOST_FPS = 30.0
USUAL_FPS = 10.0
_BOUNDARY = b"thunderline-frame"
_STREAM = f"multipart/x-mixed-replace; boundary={_BOUNDARY.decode()}"
_WIDTHS = (16, 8192)

_WIDTH = Parameter("width", "query", {"type": "integer", "minimum": 16, "maximum": 8192},
                   "pixels; never more than the frame has")  # fmt: skip
_ANNOTATED = Parameter("annotated", "query", {"type": "integer", "enum": [0, 1]},
                       "1: with boxes, by default")  # fmt: skip
_TICKET = Parameter("ticket", "query", {"type": "string"}, "instead of the token")
_FPS = Parameter("fps", "query",
                 {"type": "number", "exclusiveMinimum": 0, "maximum": MOST_FPS},
                 f"pictures a second at most, {USUAL_FPS:g} by default")  # fmt: skip
OPERATIONS = (
    Operation("GET", "/cameras/{name}/snapshot.jpg", "The newest picture with a result", {},
              (400, 404, 503), (NAME, _WIDTH, _ANNOTATED, _TICKET), "image/jpeg"),
    Operation("GET", "/cameras/{name}/live.mjpg", "Pictures as they come", {},
              (400, 404, 503), (NAME, _WIDTH, _ANNOTATED, _FPS, _TICKET),
              "multipart/x-mixed-replace"),
)  # fmt: skip


class Live:
    """The endpoints below `/cameras`."""

    def __init__(self, cameras: CameraNames, pictures: Pictures, ending: asyncio.Event) -> None:
        self._cameras = cameras
        self._pictures = pictures
        self._ending = ending

    def routes(self) -> list[Route]:
        snapshot, live = OPERATIONS
        return [
            Route(snapshot.path, self._snapshot, methods=["GET"]),
            Route(live.path, self._live, methods=["GET"]),
        ]

    async def _snapshot(self, request: Request) -> Response:
        """With `If-None-Match`, a picture that the browser has is not sent again."""
        look = self._look(request)
        photo = await self._pictures.first(look)
        if photo is None:
            raise Refusal(503, f"camera {look.camera}: no picture yet")
        headers = {
            "ETag": f'"{photo.epoch}-{photo.frame_id}"',
            "X-Frame-Id": str(photo.frame_id),
            "X-Captured-Unix-Ns": str(photo.captured_unix_ns),
        }
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(None, 304, headers)
        return Response(photo.jpeg, 200, headers, media_type="image/jpeg")

    async def _live(self, request: Request) -> Response:
        look = self._look(request)
        if request.method == "HEAD":
            return Response(None, media_type=_STREAM)
        fps = _number(request, "fps", USUAL_FPS)
        if not 0 < fps <= MOST_FPS:
            raise Refusal(400, f"fps: expected a number above 0, to {MOST_FPS:g}, got {fps:g}")
        first = await self._pictures.first(look)
        if first is None:
            raise Refusal(503, f"camera {look.camera}: no picture yet")
        return MotionJpeg(
            self._pictures, look, fps, first, self._ending, lambda: look.camera in self._cameras()
        )

    def _look(self, request: Request) -> Look:
        """Raises Refusal."""
        camera = check_camera(request.path_params["name"], self._cameras())
        width = _number(request, "width", 0)
        least, most = _WIDTHS
        if width and not (least <= width <= most and width == int(width)):
            raise Refusal(400, f"width: expected {least} to {most} pixels, got {width:g}")
        annotated = request.query_params.get("annotated", "1")
        if annotated not in ("0", "1"):
            raise Refusal(400, "annotated: expected 0 or 1")
        return Look(camera, int(width) or None, annotated == "1")


class MotionJpeg(Response):
    """A picture as soon as the viewer has taken the last one, and at most at the rate it wants.

    The turns of all viewers of one rate are the same moments, so that they share their pictures.
    """

    def __init__(
        self, pictures: Pictures, look: Look, fps: float, first: Photo, ending: asyncio.Event,
        is_there: Callable[[], bool],
    ) -> None:  # fmt: skip
        """`is_there` says whether the line has the camera: a film of one that has not ends."""
        super().__init__(media_type=_STREAM)
        del self.headers["content-length"]
        self._pictures = pictures
        self._look = look
        self._interval_s = 1 / fps
        self._first = first
        self._ending = ending
        self._is_there = is_there

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        done = await run_until_first(self._show(send), _wait_for_end(receive), self._ending.wait())
        for task in done:
            task.result()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _show(self, send: Send) -> None:
        photo: Photo | None = self._first
        last = self._first
        await send(_part(b"--" + _BOUNDARY + b"\r\nContent-Type: image/jpeg\r\n\r\n"))
        while self._is_there():
            if photo is not None:
                last = photo
            await send(_part(_picture(last)))
            await asyncio.sleep(self._interval_s - time.monotonic() % self._interval_s)
            photo = await self._pictures.take(self._look, last, REPEAT_S)


def _picture(photo: Photo) -> bytes:
    """The picture and the head of the next part: browsers show a picture when that is there."""
    end = b"\r\n--" + _BOUNDARY + b"\r\nContent-Type: image/jpeg\r\n\r\n"
    return photo.jpeg + end


def _part(body: bytes) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": True}


async def _wait_for_end(receive: Receive) -> None:
    message: Mapping[str, Any] = {}
    while message.get("type") != "http.disconnect":
        message = await receive()


def _number(request: Request, name: str, default: float) -> float:
    """Raises Refusal."""
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        return float(text)
    except ValueError:
        raise Refusal(400, f"{name}: expected a number, got '{text[:20]}'") from None
