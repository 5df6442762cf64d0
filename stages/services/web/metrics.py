"""`/metrics`: the line for Prometheus."""

from collections.abc import Iterator

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pipeline.client import ModelInfo
from pipeline.service import LedgerView, ServiceContext
from stages.services.metrics.collector import (
    OkResults,
    collect_build,
    collect_cameras,
    collect_machine,
    collect_processes,
)
from stages.services.metrics.event_counts import EventCounts
from stages.services.metrics.metric import Histograms, Metric
from stages.services.metrics.protobuf import PROTOBUF, ProtobufFormat
from stages.services.metrics.text import OPENMETRICS, PLAIN, TextFormat
from stages.services.version import line_version
from stages.services.web.problem import problem
from stages.services.web.readings import Readings

PATH = "/metrics"
# What a client has to ask for, the best first: the first one has native histograms.
_MEDIA = (
    ("io.prometheus.client.MetricFamily", PROTOBUF), ("application/openmetrics-text", OPENMETRICS),
)  # fmt: skip


class Metrics:
    """The endpoint, and the events that it counts."""

    def __init__(self, context: ServiceContext, readings: Readings, model: ModelInfo) -> None:
        self._context = context
        self._ledger: LedgerView = context.ledger
        self._readings = readings
        self._build = line_version(), model.name, model.sha256
        self._ok = OkResults()
        self._events = EventCounts()
        self._events.restore(context.events.read())
        self._formats: dict[str, TextFormat | ProtobufFormat] = {
            PLAIN: TextFormat(openmetrics=False),
            OPENMETRICS: TextFormat(openmetrics=True),
            PROTOBUF: ProtobufFormat(),
        }

    def before(self, app: ASGIApp) -> ASGIApp:
        """The application with this endpoint in front of it: Starlette's way from an application
        to a route takes a tenth of a scrape.
        """

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or scope["path"] != PATH:
                await app(scope, receive, send)
            elif scope["method"] in ("GET", "HEAD"):
                await self._expose(Headers(scope=scope))(scope, receive, send)
            else:
                refusal = problem(405, "Method Not Allowed", {"Allow": "GET, HEAD"})
                await refusal(scope, receive, send)

        return answer

    def count(self) -> None:
        """Count what has happened since the last call; to be called now and then."""
        for event in self._context.events.read():
            self._events.add(event)

    def _expose(self, headers: Headers) -> Response:
        accepted = headers.get("accept", "")
        media = next((media for mark, media in _MEDIA if mark in accepted), PLAIN)
        self.count()
        content = self._formats[media].render(self.collect())
        return Response(content, headers={"Content-Type": media})

    def collect(self) -> Iterator[Metric | Histograms]:
        """As it is now; what processes take, and heat, are as old as the last reading."""
        cameras, processes = self._ledger.cameras(), self._ledger.processes()
        yield from collect_build(*self._build)
        yield from collect_cameras(cameras, processes, self._ok)
        yield from collect_processes(processes, self._readings.uses())
        yield from collect_machine(self._readings.temperatures, self._readings.throttled)
        yield from self._events.metrics({camera.name for camera in cameras})
