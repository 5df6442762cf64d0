"""WebSocket: the video of a camera as it sends it, in fragmented MP4 for browsers."""

import asyncio
from contextlib import suppress

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from pipeline.service import ServiceContext
from stages.services.web.films import REMOVED, Film, Seat
from stages.services.web.guard import SUBPROTOCOL
from stages.services.web.problem import problem
from stages.services.web.race import run_until_first

MOST_VIEWERS = 32
FIRST_S = 3.0  # for the first picture, until it is said why there is none
GOING_AWAY, TRY_AGAIN = 1001, 1013  # RFC 6455, 7.4.1, and the registry of IANA
NO_VIDEO = 4004  # of this service: there is none, and will be none
_MOST_REASON_BYTES = 123  # RFC 6455, 5.5


class Video:
    """The endpoint `/api/v1/cameras/{name}/video`."""

    def __init__(self, context: ServiceContext, ending: asyncio.Event) -> None:
        self._context = context
        self._ending = ending
        self._films: dict[str, Film] = {}  # of the cameras that were asked for
        self._viewers = 0

    def routes(self) -> list[WebSocketRoute]:
        return [WebSocketRoute("/api/v1/cameras/{name}/video", self._serve)]

    async def _serve(self, socket: WebSocket) -> None:
        name = socket.path_params["name"]
        film = self._find_film(name)
        if film is None or self._viewers >= MOST_VIEWERS:
            refusal = (
                (404, f"no camera '{name[:64]}'; there are {', '.join(self._context.cameras)}")
                if film is None
                else (503, f"{MOST_VIEWERS} viewers are here already")
            )
            await socket.send_denial_response(problem(*refusal))
            return
        offered = SUBPROTOCOL in socket.scope["subprotocols"]
        await socket.accept(SUBPROTOCOL if offered else None)
        self._viewers += 1
        try:
            with film.seat() as seat:
                await self._show(socket, seat, name)
        finally:
            self._viewers -= 1

    def _find_film(self, camera: str) -> Film | None:
        if camera not in self._context.cameras:
            return None
        if camera not in self._films:
            packets, context = self._context.packets, self._context
            self._films[camera] = Film(camera, packets, lambda: camera in context.cameras)
        return self._films[camera]

    async def _show(self, socket: WebSocket, seat: Seat, camera: str) -> None:
        done = await run_until_first(
            self._send(socket, seat, camera), _listen(socket), self._ending.wait()
        )
        for task in done:
            with suppress(WebSocketDisconnect):
                task.result()
        if self._ending.is_set():
            with suppress(WebSocketDisconnect):
                await socket.close(GOING_AWAY)

    async def _send(self, socket: WebSocket, seat: Seat, camera: str) -> None:
        try:
            part = await asyncio.wait_for(seat.take(), FIRST_S)
        except TimeoutError:
            await _close(socket, *self._explain(camera))
            return
        while part is not None:
            if isinstance(part, str):
                await socket.send_text(part)
            else:
                await socket.send_bytes(part)
            await asyncio.sleep(0)  # a viewer that takes everything at once is not the only one
            part = await seat.take()
        await _close(socket, NO_VIDEO, seat.why)

    def _explain(self, camera: str) -> tuple[int, str]:
        """Why nothing comes: a code of closing, and a sentence."""
        cameras = {each.name: each for each in self._context.ledger.cameras()}
        reading = cameras.get(camera)
        if reading is None:
            return NO_VIDEO, REMOVED
        if reading.state == "live" and self._context.packets.open(camera) is None:
            return NO_VIDEO, "it sends no H.264, H.265 or AV1 that is kept: see live.mjpg"
        return TRY_AGAIN, f"{camera} is {reading.state}"


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    said = reason.encode()[:_MOST_REASON_BYTES].decode(errors="ignore")
    with suppress(WebSocketDisconnect):
        await socket.close(code, said)


async def _listen(socket: WebSocket) -> None:
    """Until the viewer is gone; what it says is not read."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
