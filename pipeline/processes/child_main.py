"""One process of the line, from its orders to its exit code.

The fork server has made it. The first thing it does is to pin itself to its core.
"""

import contextlib
import gc
import logging
import os
import signal
from pathlib import Path
from types import FrameType
from typing import Any

from pipeline import log
from pipeline.errors import LineError
from pipeline.links.sockets import flush
from pipeline.logger import logger
from pipeline.loops.source_loop import SourceLoop
from pipeline.loops.stage_loop import StageLoop
from pipeline.memory.ledger import Ledger
from pipeline.memory.packet_layout import packets_path
from pipeline.memory.packet_ring import PacketRing
from pipeline.processes.loading import load
from pipeline.processes.mapped_files import give_back_files
from pipeline.processes.orders import (
    EXIT_CRASHED,
    EXIT_GONE,
    EXIT_REFUSED,
    Orders,
    decode_orders,
)
from pipeline.processes.signals import ignore_what_the_supervisor_hears
from pipeline.realtime import (
    die_with_parent,
    freeze_gc,
    give_back_memory,
    name_process,
    pin_to_core,
)
from pipeline.source import PacketedSource, SourceGone
from pipeline.stage import Context
from pipeline.topology import ProcessSpec


class _StopFlag:
    """Set by SIGTERM; Ctrl-C in the terminal is the supervisor's business."""

    def __init__(self) -> None:
        self._stopped = False
        signal.signal(signal.SIGTERM, self._set)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        ignore_what_the_supervisor_hears()

    def __call__(self) -> bool:
        return self._stopped

    def _set(self, _signum: int, _frame: FrameType | None) -> None:
        self._stopped = True


def main(encoded_orders: bytes) -> int:
    """Returns 0, or one of the codes of `pipeline.processes.orders`."""
    try:
        orders = decode_orders(encoded_orders)
    except ValueError:  # the supervisor died while it wrote them
        return EXIT_REFUSED
    process = orders.run.processes[orders.index]
    die_with_parent(orders.run.supervisor_pid)
    stopped = _StopFlag()
    log.take_over(orders.log_level, process.name)
    level = logging.DEBUG if orders.is_quiet else logging.ERROR
    try:
        pin_to_core(process.core)
        name_process(process.name)
        code = _serve(orders, process, stopped)
        flush()
    except LineError as error:
        logger.log(level, "{}", error)
        return EXIT_GONE if isinstance(error, SourceGone) else EXIT_REFUSED
    except Exception:  # noqa: BLE001 - the process boundary: every error is logged and ends here
        logger.log(level, "{} crashed", process.name, exc_info=True)
        return EXIT_CRASHED
    return code


def _serve(orders: Orders, process: ProcessSpec, stopped: _StopFlag) -> int:
    """Returns the exit code of a process in which nothing has gone wrong."""
    gc.disable()  # setting up makes many objects and little garbage: to collect it costs time
    run = orders.run
    ledger = Ledger.attach(Path(run.run_dir))
    context = Context(run, process, ledger)
    context.heartbeat.start(os.getpid(), is_renewed=orders.is_renewed)
    if process.is_service:
        # Preloaded where there are services; a line without any needs no asyncio and no client.
        from pipeline.processes.service_main import serve_service

        return serve_service(context, stopped)
    if process.is_source:
        _serve_source(context, stopped)
    else:
        _serve_stage(context, stopped)
    return 0


def _load(context: Context) -> tuple[Any, Any]:
    """The class of a source or a stage, and its options."""
    process = context.process
    return load(context.run.topology.stage(process.stage).target, process.options)


def _serve_source(context: Context, stopped: _StopFlag) -> None:
    target, options = _load(context)
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
    target, options = _load(context)
    stage = target(options, context)
    with contextlib.closing(stage), contextlib.closing(StageLoop(context, stage)) as loop:
        if not context.run.topology.stage(context.process.stage).preload:
            give_back_files()  # of libraries that no other process has
        freeze_gc()
        give_back_memory()
        context.heartbeat.ready()
        loop.run(stopped)
