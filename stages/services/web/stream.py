"""WebSocket: the line's messages as JSON. Of results and states the newest, of events each."""

import asyncio
from collections import deque
from collections.abc import Collection, Sequence
from contextlib import suppress

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from pipeline.client import EventMessage
from stages.services.web.api import CameraNames
from stages.services.web.feed import Feed, Heard
from stages.services.web.guard import SUBPROTOCOL
from stages.services.web.problem import problem
from stages.services.web.race import run_until_first

KINDS = ("detections", "status", "event")
MOST_EVENTS = 256  # that wait for one viewer; of more, the oldest are lost
MOST_VIEWERS = 64
_GOING_AWAY = 1001


class Outbox:
    """What waits for one viewer: a newer result or state takes the place of an older one."""

    def __init__(self, cameras: Collection[str], kinds: Collection[str]) -> None:
        """All cameras, also those that come later, where none is named."""
        self._cameras = frozenset(cameras)
        self._kinds = frozenset(kinds)
        self._waiting: dict[tuple[str, str], Heard] = {}
        self._events: deque[Heard] = deque(maxlen=MOST_EVENTS)
        self._filled = asyncio.Event()

    def put(self, heard: Heard) -> None:
        place = heard.kind, heard.message.camera
        if heard.kind not in self._kinds:
            return
        if self._cameras and heard.message.camera not in self._cameras:
            return
        if isinstance(heard.message, EventMessage):
            self._events.append(heard)
        else:
            self._waiting.pop(place, None)  # its turn is that of the newer message
            self._waiting[place] = heard
        self._filled.set()

    async def take(self) -> Heard:
        """The message that has waited longest; events come first."""
        while not self._waiting and not self._events:
            self._filled.clear()
            await self._filled.wait()
        if self._events:
            return self._events.popleft()
        return self._waiting.pop(next(iter(self._waiting)))


class Stream:
    """The endpoint `/api/v1/stream`."""

    def __init__(self, cameras: CameraNames, feed: Feed, ending: asyncio.Event) -> None:
        self._cameras = cameras
        self._feed = feed
        self._ending = ending
        self._viewers = 0

    def routes(self) -> list[WebSocketRoute]:
        return [WebSocketRoute("/api/v1/stream", self._serve)]

    async def _serve(self, socket: WebSocket) -> None:
        cameras = _words(socket, "cameras")
        kinds = _words(socket, "kinds") or KINDS
        wrong = _check("cameras", cameras, self._cameras()) or _check("kinds", kinds, KINDS)
        if wrong or self._viewers >= MOST_VIEWERS:
            refusal = (400, wrong) if wrong else (503, f"{MOST_VIEWERS} viewers are here already")
            await socket.send_denial_response(problem(*refusal))
            return
        offered = SUBPROTOCOL in socket.scope["subprotocols"]
        await socket.accept(SUBPROTOCOL if offered else None)
        outbox = Outbox(cameras, kinds)
        self._viewers += 1
        try:
            with self._feed.listening(outbox.put):
                for heard in self._feed.lasts:
                    outbox.put(heard)
                await self._send_until_gone(socket, outbox)
        finally:
            self._viewers -= 1

    async def _send_until_gone(self, socket: WebSocket, outbox: Outbox) -> None:
        """Until the viewer is gone, or the line ends."""
        done = await run_until_first(_send(socket, outbox), _listen(socket), self._ending.wait())
        for task in done:
            with suppress(WebSocketDisconnect):
                task.result()
        if self._ending.is_set():
            with suppress(WebSocketDisconnect):
                await socket.close(_GOING_AWAY)


async def _send(socket: WebSocket, outbox: Outbox) -> None:
    while True:
        heard = await outbox.take()
        await socket.send_text(heard.json)
        await asyncio.sleep(0)  # a viewer that takes everything at once must not be the only one


async def _listen(socket: WebSocket) -> None:
    """Until the viewer is gone; what it says is not read."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


def _words(socket: WebSocket, name: str) -> tuple[str, ...]:
    """What a parameter lists, separated by commas; nothing if it is left out."""
    text = ",".join(socket.query_params.getlist(name))
    return tuple(dict.fromkeys(filter(None, text.split(","))))


def _check(name: str, given: Sequence[str], known: Sequence[str]) -> str:
    """What is wrong with a choice; nothing if it is one of what there is."""
    wrong = (word for word in given if word not in known)
    found = next(wrong, None)
    return "" if found is None else f"{name}: expected some of {', '.join(known)}, got '{found}'"
