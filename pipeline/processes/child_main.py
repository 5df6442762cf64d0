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
from pipeline.links.sockets import flush
from pipeline.loops.source_loop import SourceLoop
from pipeline.loops.stage_loop import StageLoop
from pipeline.memory.ledger import Ledger
from pipeline.processes.orders import EXIT_CRASHED, EXIT_REFUSED, Orders
from pipeline.realtime import die_with_parent, freeze_gc, name_process, pin_to_core
from pipeline.stage import Context
from pipeline.topology import ProcessSpec, RunSpec


class _StopFlag:
    """Set by SIGTERM; Ctrl-C in the terminal is the supervisor's business."""

    def __init__(self) -> None:
        self._stopped = False
        signal.signal(signal.SIGTERM, self._set)
        signal.signal(signal.SIGINT, signal.SIG_IGN)

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
        orders = msgspec.msgpack.decode(encoded_orders, type=Orders)
    except msgspec.DecodeError:  # the supervisor died while it wrote: there is nobody to tell
        return EXIT_REFUSED
    process = orders.run.processes[orders.index]
    die_with_parent(orders.run.supervisor_pid)
    stopped = _StopFlag()
    log.configure(orders.log_level, process.name)
    try:
        pin_to_core(process.core)
        name_process(process.name)
        _serve(orders.run, process, stopped)
        flush()
    except LineError as error:
        logger.error("{}", error)
        return EXIT_REFUSED
    except Exception:  # noqa: BLE001 - the process boundary: whatever it is, it is said, and ends here
        logger.exception("{} crashed", process.name)
        return EXIT_CRASHED
    return 0


def _serve(run: RunSpec, process: ProcessSpec, stopped: _StopFlag) -> None:
    gc.disable()  # setting up makes much garbage-free allocation: collecting it costs time
    ledger = Ledger.attach(Path(run.run_dir), len(run.cameras), len(run.processes))
    context = Context(run, process, ledger)
    context.heartbeat.start(os.getpid())
    target = load_target(run.topology.row(process.stage).target)
    options = msgspec.convert(process.options, target.Options)
    if process.camera is not None:
        source = target(options, context.heartbeat.beat)
        source_loop = SourceLoop(context, source, slots=options.slots, retry=options.retry)
        with contextlib.closing(source_loop):
            _ready(context)
            source_loop.run(stopped)
        return
    stage = target(options, context)
    with (
        contextlib.closing(stage),
        contextlib.closing(StageLoop(context, stage)) as stage_loop,
    ):
        _ready(context)
        stage_loop.run(stopped)


def _ready(context: Context) -> None:
    freeze_gc()
    context.heartbeat.ready()
