"""Films and snapshots of the past, over REST: look, download, protect, delete, ask for a clip."""

import time
from functools import partial

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from stages.services.archive.layout import THUMBNAIL, Kind
from stages.services.archive.sidecar import read_sidecar
from stages.services.archive.wishes import Wish, add_wish
from stages.services.web.api import NAME, CameraNames, answer, check_camera
from stages.services.web.openapi import Operation, Parameter
from stages.services.web.past.answers import (
    Recording,
    RecordingAndSidecar,
    Recordings,
    Timeline,
    Wished,
    describe,
)
from stages.services.web.past.archive_reader import ArchiveReader
from stages.services.web.past.query import (
    FROM,
    PAGE,
    TO,
    kind_parameter,
    read_query,
    read_seconds,
    read_stretch,
)
from stages.services.web.past.timeline import make_timeline
from stages.services.web.problem import Refusal

_KINDS = tuple(kind.value for kind in Kind)
_MEDIA = {".mp4": "video/mp4", ".jpg": "image/jpeg"}
_ONE = "/api/v1/recordings/{recording}"
_ID = Parameter("recording", "path", {"type": "string"}, "`id` of a recording")
_DAY = Parameter(
    "day",
    "query",
    {"type": "string", "format": "date"},
    "of UTC; today by default, where there are no `from` and `to`",
)
_SECONDS = Parameter("seconds", "query", {"type": "number", "minimum": 0, "maximum": 600},
                     "from now on; 10 by default")  # fmt: skip
_TICKET = Parameter("ticket", "query", {"type": "string"}, "instead of the token")
OPERATIONS = (
    Operation("GET", "/api/v1/recordings", "Clips, continuous recordings and snapshots",
              {200: Recordings}, (400, 404, 503), (*PAGE, kind_parameter(_KINDS))),
    Operation("GET", _ONE, "One of them, with its sidecar", {200: RecordingAndSidecar},
              (404, 503), (_ID,)),
    Operation("DELETE", _ONE, "Delete it", {200: Recording}, (404, 409, 503), (_ID,)),
    Operation("PUT", f"{_ONE}/protection", "Keep it for as long as there is room",
              {200: Recording}, (404, 503), (_ID,)),
    Operation("DELETE", f"{_ONE}/protection", "Keep it no longer than others",
              {200: Recording}, (404, 503), (_ID,)),
    Operation("GET", "/api/v1/cameras/{name}/timeline", "What is kept of a day",
              {200: Timeline}, (400, 404, 503), (NAME, _DAY, FROM, TO)),
    Operation("POST", "/api/v1/cameras/{name}/clips", "Have a clip made of now", {202: Wished},
              (400, 404, 503), (NAME, _SECONDS)),
    Operation("GET", "/recordings/{recording}", "The file; ranges of bytes work", {},
              (404, 503), (_ID, _TICKET), "application/octet-stream"),
    Operation("GET", "/recordings/{recording}/thumbnail.jpg", "A picture of a clip", {},
              (404, 503), (_ID, _TICKET), "image/jpeg"),
)  # fmt: skip


class PastRecordings:
    """The endpoints."""

    def __init__(self, archive: ArchiveReader, cameras: CameraNames) -> None:
        self._archive = archive
        self._cameras = cameras

    def routes(self) -> list[Route]:
        endpoints = [
            self._list, self._describe, self._delete, self._protect, self._unprotect,
            self._timeline, self._wish, self._file, self._thumbnail,
        ]  # fmt: skip
        return [
            Route(operation.path, endpoint, methods=[operation.method])
            for operation, endpoint in zip(OPERATIONS, endpoints, strict=True)
        ]

    async def _list(self, request: Request) -> Response:
        query = read_query(request.query_params, _KINDS)
        page = await self._archive.ask(lambda listing: listing.items(query))
        rows = tuple(map(describe, page.rows))
        return answer(Recordings(rows, None if page.next is None else str(page.next)))

    async def _describe(self, request: Request) -> Response:
        item = await self._archive.find(request.path_params["recording"])
        path = self._archive.folder / item.path
        sidecar = await self._archive.ask(lambda _listing: read_sidecar(path))
        return answer(RecordingAndSidecar(describe(item), sidecar))

    async def _delete(self, request: Request) -> Response:
        item = await self._archive.find(request.path_params["recording"])
        if item.open:
            raise Refusal(409, "it is being written")
        await self._archive.change(lambda index: index.remove(item.path))
        return answer(describe(item))

    async def _protect(self, request: Request) -> Response:
        return await self._set_protection(request, protected=True)

    async def _unprotect(self, request: Request) -> Response:
        return await self._set_protection(request, protected=False)

    async def _set_protection(self, request: Request, *, protected: bool) -> Response:
        item = await self._archive.find(request.path_params["recording"])
        if item.open:
            raise Refusal(409, "it is being written")
        await self._archive.change(lambda index: index.protect(item.path, protected=protected))
        return answer(describe(item._replace(protected=protected)))

    async def _timeline(self, request: Request) -> Response:
        camera, stretch = request.path_params["name"], read_stretch(request.query_params)
        make = partial(make_timeline, camera=camera, stretch=stretch)
        return answer(await self._archive.ask(make))

    async def _wish(self, request: Request) -> Response:
        camera = check_camera(request.path_params["name"], self._cameras())
        wish = Wish(camera, time.time_ns(), read_seconds(request.query_params))
        await self._archive.change(lambda index: add_wish(index, wish))
        return answer(Wished(*wish), 202)

    async def _file(self, request: Request) -> Response:
        item = await self._archive.find(request.path_params["recording"])
        path = self._archive.folder / item.path
        if not path.is_file():  # deleted by hand, or for room, just now
            raise Refusal(404, "it is gone")
        return _serve(str(path), _MEDIA[path.suffix])

    async def _thumbnail(self, request: Request) -> Response:
        item = await self._archive.find(request.path_params["recording"])
        path = (self._archive.folder / item.path).with_suffix(THUMBNAIL)
        if not path.is_file():
            raise Refusal(404, "it has no thumbnail yet")
        return _serve(str(path), "image/jpeg")


def _serve(path: str, media: str) -> Response:
    """The file as it is now, by parts if these are asked for."""
    return FileResponse(path, media_type=media)
