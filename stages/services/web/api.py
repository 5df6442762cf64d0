"""REST: the line as JSON, below `/api/v1`."""

import platform
from collections.abc import Awaitable, Callable, Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pipeline.client import DetectionMessage
from stages.services.machine import read_temperatures, read_throttled
from stages.services.version import line_version
from stages.services.web.answers import Cameras, Health, Ready, Status, Ticket
from stages.services.web.feed import Feed
from stages.services.web.openapi import JSON, Operation, Parameter, make_document
from stages.services.web.problem import Refusal
from stages.services.web.readings import Camera, Readings
from stages.services.web.tokens import TICKET_S, TokenFile

RESULT_S = 2.0  # for the last result to come: the line repeats it once a second at most

NAME = Parameter("name", "path", {"type": "string"}, "a camera")
OPERATIONS = (
    Operation("GET", "/api/v1/cameras", "Every camera: state, rates, ages, drops", {200: Cameras}),
    Operation("GET", "/api/v1/cameras/{name}", "One camera", {200: Camera}, (404,), (NAME,)),
    Operation("GET", "/api/v1/cameras/{name}/detections", "The last result of a camera",
              {200: DetectionMessage}, (404, 503), (NAME,)),
    Operation("GET", "/api/v1/status", "Processes and machine", {200: Status}),
    Operation("GET", "/api/v1/healthz", "Whether this service answers", {200: Health}),
    Operation("GET", "/api/v1/readyz", "Whether every camera gives results",
              {200: Ready, 503: Ready}),
    Operation("POST", "/api/v1/ticket", "Let an address begin to look at pictures", {200: Ticket}),
)  # fmt: skip

CameraNames = Callable[[], Sequence[str]]  # of those that the line has now
Endpoint = Callable[[Request], Awaitable[Response]]


class Api:
    """The endpoints; each answers with a struct of `answers`."""

    def __init__(
        self, cameras: CameraNames, readings: Readings, feed: Feed, tokens: TokenFile | None
    ) -> None:
        self._cameras = cameras
        self._readings = readings
        self._feed = feed
        self._tokens = tokens
        self._version = line_version()

    def routes(self, more: Sequence[Operation]) -> list[Route]:
        """`more` operations are in the document; somebody else answers them."""
        document = msgspec.json.encode(make_document([*OPERATIONS, *more], self._version))

        async def openapi(_request: Request) -> Response:
            return Response(document, media_type=JSON)

        endpoints: list[Endpoint] = [
            self._list_cameras, self._camera, self._detections, self._status, self._healthz,
            self._readyz, self._ticket,
        ]  # fmt: skip
        return [
            Route("/api/v1/openapi.json", openapi, methods=["GET"]),
            *(
                Route(operation.path, endpoint, methods=[operation.method])
                for operation, endpoint in zip(OPERATIONS, endpoints, strict=True)
            ),
        ]

    async def _list_cameras(self, _request: Request) -> Response:
        window_s = round(self._readings.window_s, 3)
        return answer(Cameras(window_s, self._readings.cameras()))

    async def _camera(self, request: Request) -> Response:
        name = check_camera(request.path_params["name"], self._cameras())
        return answer(next(each for each in self._readings.cameras() if each.name == name))

    async def _detections(self, request: Request) -> Response:
        name = check_camera(request.path_params["name"], self._cameras())
        message = await self._feed.result(name, RESULT_S)
        if message is None:
            raise Refusal(503, f"camera {name}: no result yet")
        return answer(message)

    async def _status(self, _request: Request) -> Response:
        return answer(
            Status(
                host=platform.node(),
                version=self._version,
                window_s=round(self._readings.window_s, 3),
                processes=self._readings.processes(),
                temperatures=read_temperatures(),
                throttled=read_throttled(),
            )
        )

    async def _healthz(self, _request: Request) -> Response:
        return answer(Health())

    async def _readyz(self, _request: Request) -> Response:
        cameras = self._readings.readiness()
        ready = all(camera.ready for camera in cameras)
        return answer(Ready(ready, cameras), 200 if ready else 503)

    async def _ticket(self, _request: Request) -> Response:
        ticket = "" if self._tokens is None else self._tokens.tokens().make_ticket()
        return answer(Ticket(ticket, TICKET_S))


def answer(struct: msgspec.Struct, status: int = 200) -> Response:
    return Response(msgspec.json.encode(struct), status, media_type=JSON)


def check_camera(name: str, cameras: Sequence[str]) -> str:
    """Raises Refusal."""
    if name not in cameras:
        raise Refusal(404, f"no camera '{name}'; there are {', '.join(cameras)}")
    return name
