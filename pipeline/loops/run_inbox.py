"""Tells a stage what changes while it runs: its options, and which cameras there are."""

from collections.abc import Callable
from typing import Any

import msgspec

from pipeline.errors import LineError
from pipeline.logger import logger
from pipeline.memory.run_file import read_run
from pipeline.redact import learn
from pipeline.stage import Context, Stage
from pipeline.topology import RunSpec


class RunInbox:
    """Looks for a new run whenever it is asked: one word of memory, unless there is one.

    A process that was forked before a change and asked for its options after it has the old ones.
    The revision tells, so it finds the new ones at its first look.

    Args:
        forget: what the loop itself does when a camera is gone.
    """

    def __init__(
        self, context: Context, stage: Stage[Any, Any], forget: Callable[[int], None]
    ) -> None:
        self._stage, self._forget = stage, forget
        self._process, self._run_dir = context.process, context.run_dir
        self._ledger, self._heartbeat = context.ledger, context.heartbeat
        self._roster = context.cameras
        self._options = context.process.options
        for camera in context.run.ending:
            stage.end_camera(camera)
        for camera in context.run.gone:
            stage.forget_camera(camera)
        self._heartbeat.adopt(context.run.revision)

    def look(self) -> None:
        """To be called between two frames."""
        if self._ledger.revision != self._roster.run.revision:
            self._take(read_run(self._run_dir))

    def _take(self, run: RunSpec) -> None:
        before = self._roster.run
        self._roster.renew(run)
        if run.processes != before.processes:
            learn([process.options for process in run.processes])
        options = run.processes[self._process.index].options
        if options != self._options:
            self._reconfigure(options)
            self._options = options
        for camera in set(run.present).difference(before.present):
            self._stage.add_camera(camera)
        for camera in set(run.ending).difference(before.ending):
            self._stage.end_camera(camera)
        for camera in set(run.gone).difference(before.gone):
            self._stage.forget_camera(camera)
            self._forget(camera)
        self._heartbeat.adopt(run.revision)

    def _reconfigure(self, options: dict[str, Any]) -> None:
        logger.debug("takes new options")
        try:
            self._stage.reconfigure(msgspec.convert(options, self._stage.Options))
        except LineError as error:  # else it would count as refused: its successor may succeed
            raise RuntimeError(f"new options: {error}") from error
