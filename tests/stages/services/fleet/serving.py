"""The service `fleet` at work: what it gets of a line is made by hand, the server is real."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import msgspec

from stages.services.fleet import sender
from stages.services.fleet.service import Fleet, FleetOptions
from tests.stages.services.bare import CAMERA, make_context
from tests.stages.services.serving import ServiceProcess, serve_until_told, serving_by

BASE = "tl.hall.board-3"
YARD = f"{BASE}.{CAMERA}"


def serving(run_dir: Path, options: dict[str, Any]) -> AbstractContextManager[None]:
    """The service in a thread, until the end of the block."""
    return serving_by(serve, run_dir, options)


def serve(run_dir: Path, options: dict[str, Any], alive: Callable[[], bool]) -> None:
    context = make_context(run_dir, alive, "fleet")
    with closing(Fleet(msgspec.convert(options, FleetOptions), context)) as service:
        asyncio.run(service.run())


class Process(ServiceProcess):
    """The service in a process of its own, that can be killed."""

    def __init__(self, run_dir: Path, options: dict[str, Any]) -> None:
        super().__init__(__name__, run_dir, options)


if __name__ == "__main__":
    sender._FIRST_WAIT_S, sender._LONGEST_WAIT_S = 0.05, 0.3
    serve_until_told(serve)
