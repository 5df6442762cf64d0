"""One process of the line, from its orders to its exit code.

The fork server has made it. The first thing it does is to pin itself to its core.
"""

import contextlib
import gc
import importlib
import os
import signal
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec
from loguru import logger

from pipeline import log
from pipeline.errors import LineError
from pipeline.links.control_client import ControlClient
from pipeline.links.sockets import flush, messages_address
from pipeline.loops.service_loop import ServiceLoop
from pipeline.loops.service_options import ServiceOptions
from pipeline.loops.source_loop import SourceLoop
from pipeline.loops.stage_loop import StageLoop
from pipeline.memory.event_log import EventLogReader
from pipeline.memory.ledger import Ledger
from pipeline.memory.packet_layout import packets_path
from pipeline.memory.packet_ring import PacketRing
from pipeline.processes.orders import (
    EXIT_CRASHED,
    EXIT_GONE,
    EXIT_REFUSED,
    EXIT_RENEWED,
    decode_orders,
)
from pipeline.realtime import (
    die_with_parent,
    freeze_gc,
    give_back_memory,
    lower_priority,
    name_process,
    pin_to_core,
)
from pipeline.redact import learn
from pipeline.service import (
    FrameView,
    LedgerView,
    PacketView,
    ReconfigurableService,
    ServiceContext,
)
from pipeline.source import PacketedSource, SourceGone
from pipeline.stage import Context
from pipeline.topology import ProcessSpec, RunSpec


class _StopFlag:
    """Set by SIGTERM; Ctrl-C in the terminal is the supervisor's business."""

    def __init__(self) -> None:
        self._stopped = False
        signal.signal(signal.SIGTERM, self._set)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # a service manager may signal all processes

    def __call__(self) -> bool:
        return self._stopped

    def _set(self, _signum: int, _frame: FrameType | None) -> None:
        self._stopped = True


def load_target(target: str) -> Any:
    """The class behind `package.module:Class`."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


def main(encoded_orders: bytes) -> int:
    """Returns 0, or one of the codes of `pipeline.processes.orders`."""
    try:
        orders = decode_orders(encoded_orders)
    except ValueError:  # the supervisor died while it wrote them
        return EXIT_REFUSED
    process = orders.run.processes[orders.index]
    die_with_parent(orders.run.supervisor_pid)
    stopped = _StopFlag()
    learn([each.options for each in orders.run.processes])
    log.take_over(orders.log_level, process.name)
    level = "DEBUG" if orders.is_quiet else "ERROR"
    try:
        pin_to_core(process.core)
        name_process(process.name)
        code = _serve(orders.run, process, stopped)
        flush()
    except LineError as error:
        logger.log(level, "{}", error)
        return EXIT_GONE if isinstance(error, SourceGone) else EXIT_REFUSED
    except Exception:  # noqa: BLE001 - the process boundary: every error is logged and ends here
        logger.opt(exception=True).log(level, "{} crashed", process.name)
        return EXIT_CRASHED
    return code


def _serve(run: RunSpec, process: ProcessSpec, stopped: _StopFlag) -> int:
    """Returns the exit code of a process in which nothing has gone wrong."""
    gc.disable()  # setting up makes many objects and little garbage: to collect it costs time
    ledger = Ledger.attach(Path(run.run_dir))
    context = Context(run, process, ledger)
    context.heartbeat.start(os.getpid())
    if process.is_service:
        return _serve_service(context, stopped)
    if process.is_source:
        _serve_source(context, stopped)
    else:
        _serve_stage(context, stopped)
    return 0


def _serve_source(context: Context, stopped: _StopFlag) -> None:
    target, options = _load(context.run.topology.stage(context.process.stage).target, context)
    source = target(options, context.heartbeat.beat)
    if isinstance(source, PacketedSource) and source.packet_bytes:
        assert context.process.camera is not None, "the process of a source has a camera"
        path = packets_path(context.run_dir, context.process.camera)
        source.keep_packets(PacketRing(path, source.packet_bytes))
    loop = SourceLoop(context, source, slots=options.slots, retry=options.retry)
    with contextlib.closing(loop):
        freeze_gc()
        give_back_memory()
        context.heartbeat.ready()
        loop.run(stopped)


def _serve_stage(context: Context, stopped: _StopFlag) -> None:
    target, options = _load(context.run.topology.stage(context.process.stage).target, context)
    stage = target(options, context)
    with contextlib.closing(stage), contextlib.closing(StageLoop(context, stage)) as loop:
        freeze_gc()
        give_back_memory()
        context.heartbeat.ready()
        loop.run(stopped)


def _serve_service(context: Context, stopped: _StopFlag) -> int:
    lower_priority()
    run, process, given = context.run, context.process, ServiceOptions(context)
    row = run.topology.service(process.stage)
    target, options = _load(row.target, context)
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
    )
    with contextlib.closing(target(options, access)) as service:
        gc.enable()  # it has no frame to be late for, and asyncio makes cycles
        if isinstance(service, ReconfigurableService):
            given.take = lambda new: service.reconfigure(msgspec.convert(new, target.Options))
        context.heartbeat.ready()
        loop.run(service)
        given.take = None
    return EXIT_RENEWED if not stopped() and given.are_old() else 0


def _load(target: str, context: Context) -> tuple[Any, Any]:
    """The class behind a target, and the process's options for it."""
    loaded = load_target(target)
    return loaded, msgspec.convert(context.process.options, loaded.Options)
