"""A service at work, in a thread or in a process of its own."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.running_line import PATIENCE_S, REPOSITORY

Options = dict[str, Any]
Serve = Callable[[Path, Options, Callable[[], bool]], None]  # while the last one says so


@contextmanager
def serving_by(serve: Serve, run_dir: Path, options: Options) -> Iterator[None]:
    """The service in a thread, until the end of the block."""
    ended = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(serve, run_dir, options, lambda: not ended.is_set())
        try:
            yield
        finally:
            ended.set()
            work.result()


class ServiceProcess:
    """A module that calls `serve_until_told`, as a process that can be killed."""

    def __init__(self, module: str, run_dir: Path, options: Options) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, str(run_dir), json.dumps(options)], cwd=REPOSITORY
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


def serve_until_told(serve: Serve) -> None:
    """What a `ServiceProcess` does, until it gets SIGTERM."""
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    serve(Path(sys.argv[1]), json.loads(sys.argv[2]), lambda: not ended.is_set())
