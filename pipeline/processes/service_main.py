"""The process of a service, from its start to its exit code."""

import contextlib
import gc
from collections.abc import Callable

import msgspec

from pipeline.links.control_client import ControlClient
from pipeline.links.sockets import messages_address
from pipeline.loops.service_loop import ServiceLoop
from pipeline.loops.service_options import ServiceOptions
from pipeline.memory.event_log import EventLogReader
from pipeline.processes.loading import load
from pipeline.processes.orders import EXIT_RENEWED
from pipeline.realtime import lower_priority
from pipeline.service import (
    FrameView,
    LedgerView,
    PacketView,
    ReconfigurableService,
    ServiceContext,
)
from pipeline.stage import Context


def serve_service(context: Context, stopped: Callable[[], bool]) -> int:
    """Run until the line stops, or the options are others; returns the exit code."""
    lower_priority()
    run, process, given = context.run, context.process, ServiceOptions(context)
    row = run.topology.service(process.stage)
    target, options = load(row.target, process.options)
    control = ControlClient(context.run_dir) if row.controls else None
    loop = ServiceLoop(context.heartbeat, lambda: stopped() or given.are_old())
    endpoint = messages_address(context.run_dir)
    access = ServiceContext(
        process.name,
        endpoint,
        LedgerView(run),
        FrameView(run),
        PacketView(run),
        loop.alive,
        EventLogReader(context.run_dir),
        control,
        loop.beat,
    )
    with contextlib.closing(target(options, access)) as service:
        gc.enable()  # it has no frame to be late for, and asyncio makes cycles
        if isinstance(service, ReconfigurableService):
            given.take = lambda new: service.reconfigure(msgspec.convert(new, target.Options))
        context.heartbeat.ready()
        loop.run(service)
        given.take = None
    return EXIT_RENEWED if not stopped() and given.are_old() else 0
