"""Look back: what is kept of the past, over REST."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, get_args

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pipeline.client.messages import EventKind
from stages.services.archive.listing import Listing
from stages.services.web.api import answer
from stages.services.web.openapi import Operation
from stages.services.web.past.answers import Events
from stages.services.web.past.query import (
    CAMERA,
    CURSOR,
    FROM,
    LIMIT,
    TO,
    kind_parameter,
    read_query,
)
from stages.services.web.problem import Refusal

_EVENT_KINDS: tuple[str, ...] = get_args(EventKind)
_PAGE = (FROM, TO, CAMERA, LIMIT, CURSOR)
OPERATIONS = (
    Operation("GET", "/api/v1/events", "Events of the past", {200: Events}, (400, 404, 503),
              (*_PAGE, kind_parameter(_EVENT_KINDS))),
)  # fmt: skip

T = TypeVar("T")


class Past:
    """The endpoints. The index is read in a thread, so no picture waits for the disk."""

    def __init__(self, folder: str | None) -> None:
        self._listing = None if folder is None else Listing(Path(folder))

    def routes(self) -> list[Route]:
        (events,) = OPERATIONS
        return [Route(events.path, self._events, methods=["GET"])]

    async def _events(self, request: Request) -> Response:
        query = read_query(request.query_params, _EVENT_KINDS)
        page = await self._ask(lambda listing: listing.events(query))
        return answer(Events(tuple(page.rows), None if page.next is None else str(page.next)))

    async def _ask(self, question: Callable[[Listing], T]) -> T:
        """Raises Refusal."""
        listing = self._listing
        if listing is None:
            raise Refusal(404, "nothing is kept here: record.folder is not set")
        try:
            return await asyncio.to_thread(question, listing)
        except (FileNotFoundError, sqlite3.Error):
            raise Refusal(503, "the index of what is kept cannot be read now") from None
