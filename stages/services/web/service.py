"""The service `web`: see the line in a browser, and ask it by REST and WebSocket."""

import asyncio
import logging
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from pipeline.client import ModelInfo
from pipeline.logger import logger
from pipeline.service import ServiceContext
from stages.services.web import live
from stages.services.web.address import CertificateFiles, HostNames, bind, parse_listen
from stages.services.web.api import Api
from stages.services.web.configuration import OPERATIONS as CHANGES
from stages.services.web.configuration import Configuration
from stages.services.web.connection import HttpConnection, WebSocketConnection
from stages.services.web.feed import Feed
from stages.services.web.guard import Guard
from stages.services.web.metrics import Metrics
from stages.services.web.model import OPERATIONS as MODEL
from stages.services.web.model import Model, ModelCard
from stages.services.web.page import Page
from stages.services.web.past import events, recordings
from stages.services.web.past.archive_reader import ArchiveReader
from stages.services.web.pictures import Pictures
from stages.services.web.problem import answer_defect, answer_refusal
from stages.services.web.readings import EVERY_S, Readings
from stages.services.web.stream import Stream
from stages.services.web.tokens import TokenFile
from stages.services.web.video import Video

_TICK_S = 0.25  # each costs where nobody looks
_DATE_S = 1.0  # answers tell the time of day to the second
_MOST_CONNECTIONS = 128
_MOST_SAID = 4096  # bytes in one message of a viewer; nothing that it says is read


class WebOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As in the configuration; docs/configuration.md explains each.

    Attributes:
        model: of the line.
        card: what the model's file says about it.
    """

    model: ModelInfo
    card: Model
    listen: str
    hosts: tuple[str, ...]
    token_file: str | None
    certificate: str | None
    key: str | None
    archive: str | None = None  # folder of what is kept


class Web:
    """Serves pages, pictures, REST and WebSockets in one process."""

    Options = WebOptions

    def __init__(self, options: WebOptions, context: ServiceContext) -> None:
        address = parse_listen(options.listen)
        self._context = context
        self._archive = options.archive
        self._card = options.card
        self._certificate = CertificateFiles(options.certificate, options.key)
        self._tls = self._certificate.context
        self._tokens = TokenFile(Path(options.token_file)) if options.token_file else None
        self._hosts = HostNames(address, options.hosts)
        self._readings = Readings(context.ledger)
        self._metrics = Metrics(context, self._readings, options.model)
        self._listener = bind(address)
        scheme = "http" if self._tls is None else "https"
        where = f", with the token in {options.token_file}" if options.token_file else ""
        logger.info("look at {}://{}/{}", scheme, address.text, where)

    async def run(self) -> None:
        ending = asyncio.Event()
        feed = Feed(self._context)
        pictures = Pictures(feed, self._context.frames)
        server = _Server(self._configure(self._make_app(feed, pictures, ending)), ending)
        serving = asyncio.ensure_future(server.serve([self._listener]))
        clock = asyncio.get_running_loop().time
        next_s = clock()
        while self._context.is_running() and not serving.done():
            feed.check()
            self._metrics.count()
            if clock() >= next_s:
                next_s = clock() + EVERY_S
                self._readings.take()
                self._certificate.follow()
                if not feed.is_receiving:
                    pictures.forget()
            await asyncio.sleep(_TICK_S)
        server.should_exit = True
        ending.set()
        await serving
        await feed.close()

    def close(self) -> None:
        self._listener.close()

    def _make_app(self, feed: Feed, pictures: Pictures, ending: asyncio.Event) -> Guard:
        def cameras() -> tuple[str, ...]:
            return self._context.cameras

        archive = ArchiveReader(self._archive)
        app = Starlette(
            routes=[
                *Page().routes(),
                *Api(cameras, self._readings, feed, self._tokens).routes(
                    [*CHANGES, *MODEL, *live.OPERATIONS, *events.OPERATIONS, *recordings.OPERATIONS]
                ),
                *Configuration(self._context.ask_async).routes(),
                *ModelCard(self._card).routes(),
                *live.Live(cameras, pictures, ending).routes(),
                *Stream(cameras, feed, ending).routes(),
                *events.PastEvents(archive).routes(),
                *recordings.PastRecordings(archive, cameras).routes(),
                *Video(self._context, ending).routes(),
            ],
            exception_handlers={HTTPException: answer_refusal, Exception: answer_defect},
        )
        return Guard(self._metrics.before(app), self._hosts, self._tokens)

    def _configure(self, app: Guard) -> uvicorn.Config:
        _log_defects_only()
        config = uvicorn.Config(
            app,
            http=HttpConnection,
            ws=WebSocketConnection,
            ws_max_size=_MOST_SAID,
            ws_per_message_deflate=False,
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_graceful_shutdown=1,
        )
        config.load()
        config.ssl = self._tls
        return config


class _Server(uvicorn.Server):
    """Leaves the signals to the process that it is a part of, and sleeps until it is to end."""

    def __init__(self, config: uvicorn.Config, ending: asyncio.Event) -> None:
        super().__init__(config)
        self._ending = ending

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()

    async def main_loop(self) -> None:
        """The one of uvicorn wakes ten times a second."""
        while not await self.on_tick(0):  # a multiple of ten: it renews the date
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), _DATE_S)


class _ToLog(logging.Handler):
    """Hands on what uvicorn says, so that credentials are taken out of it."""

    def emit(self, record: logging.LogRecord) -> None:
        logger.error("{}", record.getMessage(), exc_info=record.exc_info)


def _log_defects_only() -> None:
    """Invalid requests are a stranger's business, and addresses may hold a ticket."""
    for name in ("uvicorn.error", "asyncio"):
        said = logging.getLogger(name)
        said.handlers = [_ToLog(logging.ERROR)]
        said.setLevel(logging.ERROR)
        said.propagate = False
