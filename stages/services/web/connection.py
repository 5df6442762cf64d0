"""The connections of uvicorn, with what it leaves to others: patience that ends."""

import asyncio
from typing import TYPE_CHECKING

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

REQUEST_S = 10.0  # for a client to ask for something, and no longer for an answer to be taken

if TYPE_CHECKING:

    class _Protocol(asyncio.Protocol):
        """What both protocols of uvicorn have."""

        loop: asyncio.AbstractEventLoop

else:
    _Protocol = object


class _Impatient(_Protocol):
    """Breaks off a connection whose client does not take what was written, with all that waits.

    uvicorn would wait for ever, and to close such a connection waits as well. Nothing is buffered
    here but the rest of one write: what the kernel does not take at once pauses the writer.
    """

    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert isinstance(transport, asyncio.Transport)
        self._writing = transport
        transport.set_write_buffer_limits(high=1, low=0)  # 0 would pause TLS for ever

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._wait()

    def resume_writing(self) -> None:
        self._stop_waiting()
        super().resume_writing()

    def _wait(self) -> None:
        self._stop_waiting()
        self._patience = self.loop.call_later(REQUEST_S, self._writing.abort)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


class HttpConnection(_Impatient, H11Protocol):
    """One client, which asks for something soon or is left."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None or self._writing.get_protocol() is not self:
            self._stop_waiting()


class WebSocketConnection(_Impatient, WebSocketsSansIOProtocol):
    """One client of a stream."""
