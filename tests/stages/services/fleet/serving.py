"""The service `fleet` at work: what it gets of a line is made by hand, the server is real."""

import asyncio
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from stages.services.fleet import sender
from stages.services.fleet.service import Fleet, FleetOptions
from tests.running_line import PATIENCE_S, REPOSITORY
from tests.stages.services.bare import CAMERA, make_context

BASE = "tl.hall.board-3"
YARD = f"{BASE}.{CAMERA}"


@contextmanager
def serving(run_dir: Path, options: dict[str, Any]) -> Iterator[None]:
    """The service in a thread, until the end of the block."""
    ended = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(serve, run_dir, options, lambda: not ended.is_set())
        try:
            yield
        finally:
            ended.set()
            work.result()


def serve(run_dir: Path, options: dict[str, Any], alive: Callable[[], bool]) -> None:
    context = make_context(run_dir, alive)
    with closing(Fleet(msgspec.convert(options, FleetOptions), context)) as service:
        asyncio.run(service.run())


class Process:
    """The service in a process of its own, that can be killed."""

    def __init__(self, run_dir: Path, options: dict[str, Any]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(run_dir), json.dumps(options)], cwd=REPOSITORY
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(PATIENCE_S) == 0


def serve_until_told(run_dir: Path, options: dict[str, Any]) -> None:
    """What the process of `Process` does, until it gets SIGTERM."""
    sender._FIRST_WAIT_S, sender._LONGEST_WAIT_S = 0.05, 0.3
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    serve(run_dir, options, lambda: not ended.is_set())


if __name__ == "__main__":
    serve_until_told(Path(sys.argv[1]), json.loads(sys.argv[2]))
