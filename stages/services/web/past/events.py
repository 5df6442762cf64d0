"""Events of the past, over REST."""

from typing import get_args

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pipeline.client.messages import EventKind
from stages.services.web.api import answer
from stages.services.web.openapi import Operation
from stages.services.web.past.answers import Events
from stages.services.web.past.archive_reader import ArchiveReader
from stages.services.web.past.query import PAGE, kind_parameter, read_query

_KINDS: tuple[str, ...] = get_args(EventKind)
OPERATIONS = (
    Operation("GET", "/api/v1/events", "Events of the past", {200: Events}, (400, 404, 503),
              (*PAGE, kind_parameter(_KINDS))),
)  # fmt: skip


class PastEvents:
    """The endpoint."""

    def __init__(self, archive: ArchiveReader) -> None:
        self._archive = archive

    def routes(self) -> list[Route]:
        (events,) = OPERATIONS
        return [Route(events.path, self._list, methods=["GET"])]

    async def _list(self, request: Request) -> Response:
        query = read_query(request.query_params, _KINDS)
        page = await self._archive.ask(lambda listing: listing.events(query))
        return answer(Events(tuple(page.rows), None if page.next is None else str(page.next)))
