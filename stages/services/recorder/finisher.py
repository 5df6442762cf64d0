"""A thread that finishes films, so that none that is being written waits for it."""

import queue
import threading
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pipeline.logger import logger
from stages.services.archive.sidecar import Sidecar
from stages.services.recorder.finishing import move_index_to_front, write_thumbnail


class Job(NamedTuple):
    """A film whose pictures are all there, and what is known of it."""

    path: Path
    sidecar: Sidecar


class Finisher:
    """Takes films one after the other; `take` gives back those that are done.

    What goes wrong leaves the film as it was written, which plays as well. The thread ends when
    nobody has the finisher any more and what was put is done.
    """

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Job] = queue.SimpleQueue()
        weakref.finalize(self, self._jobs.put, None)
        self._thread: threading.Thread | None = None
        self._waiting = 0

    def put(self, path: Path, sidecar: Sidecar) -> None:
        if self._thread is None:
            work = partial(_work, self._jobs, self._done)  # not `self`, which it would keep
            self._thread = threading.Thread(target=work, name="finisher", daemon=True)
            self._thread.start()
        self._waiting += 1
        self._jobs.put(Job(path, sidecar))

    def take(self) -> list[Job]:
        """What was finished since the last time."""
        done = []
        while not self._done.empty():
            done.append(self._done.get())
        self._waiting -= len(done)
        return done

    @property
    def is_idle(self) -> bool:
        return self._waiting == 0


def _work(jobs: queue.SimpleQueue[Job | None], done: queue.SimpleQueue[Job]) -> None:
    while (job := jobs.get()) is not None:
        _finish(job, move_index_to_front)
        if job.sidecar.thumbnail_s is not None:
            _finish(job, partial(write_thumbnail, at_s=job.sidecar.thumbnail_s))
        done.put(job)


def _finish(job: Job, step: Callable[[Path], None]) -> None:
    try:
        step(job.path)
    except OSError as error:
        if not job.path.exists():
            logger.warning("{}: removed before it was finished", job.path)
            return
        job.sidecar.notes.append(f"not finished: {error.strerror}")
        logger.warning("{}: plays, but is not finished: {}", job.path, error.strerror)
