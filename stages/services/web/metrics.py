"""`/metrics`: the line for Prometheus."""

from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pipeline.client import ModelInfo
from pipeline.service import LedgerView, ServiceContext
from stages.services.machine import read_temperatures, read_throttled
from stages.services.metrics.collector import (
    collect_build,
    collect_cameras,
    collect_machine,
    collect_processes,
)
from stages.services.metrics.event_counts import EventCounts
from stages.services.metrics.text import OPENMETRICS, PLAIN, Metric, render
from stages.services.version import line_version
from stages.services.web.readings import Readings

PATH = "/metrics"


class Metrics:
    """The endpoint, and the events that it counts."""

    def __init__(self, context: ServiceContext, readings: Readings, model: ModelInfo) -> None:
        self._context = context
        self._ledger: LedgerView = context.ledger
        self._readings = readings
        self._build = line_version(), model.name, model.sha256
        self._events = EventCounts()
        self._events.restore(context.events.read())

    def routes(self) -> list[Route]:
        return [Route(PATH, self._metrics, methods=["GET"])]

    def count(self) -> None:
        """Count what has happened since the last call; to be called now and then."""
        for event in self._context.events.read():
            self._events.add(event)

    async def _metrics(self, request: Request) -> Response:
        openmetrics = "application/openmetrics-text" in request.headers.get("accept", "")
        text = render(self.collect(), openmetrics=openmetrics)
        return Response(text, headers={"Content-Type": OPENMETRICS if openmetrics else PLAIN})

    def collect(self) -> Iterator[Metric]:
        """Everything, as it is now; what processes take is as old as the last reading."""
        cameras, processes = self._ledger.cameras(), self._ledger.processes()
        yield from collect_build(*self._build)
        yield from collect_cameras(cameras, processes)
        yield from collect_processes(processes, self._readings.uses())
        yield from collect_machine(read_temperatures(), read_throttled())
        yield from self._events.metrics({camera.name for camera in cameras})
