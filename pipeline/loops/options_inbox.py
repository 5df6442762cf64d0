"""Gives a stage the options that change while it runs."""

from typing import Any

import msgspec
from loguru import logger

from pipeline.errors import LineError
from pipeline.memory.hot_options import read_hot_options
from pipeline.redact import learn
from pipeline.stage import Context, Stage


class OptionsInbox:
    """Looks for new options whenever it is asked: one word of memory, unless there are some.

    A process that was forked before a change and asked for its options after it has the old ones.
    The revision tells, so it finds the new ones at its first look.
    """

    def __init__(self, context: Context, stage: Stage[Any, Any]) -> None:
        self._stage = stage
        self._process, self._run_dir = context.process, context.run_dir
        self._ledger, self._heartbeat = context.ledger, context.heartbeat
        self._options = context.process.options
        self._revision = context.run.revision
        self._heartbeat.adopt(self._revision)

    def look(self) -> None:
        """To be called between two frames."""
        if self._ledger.revision != self._revision:
            self._take()

    def _take(self) -> None:
        hot = read_hot_options(self._run_dir)
        options = hot.options.get(self._process.index, self._options)
        if options != self._options:
            learn(options)
            self._reconfigure(options)
        self._options, self._revision = options, hot.revision
        self._heartbeat.adopt(self._revision)

    def _reconfigure(self, options: dict[str, Any]) -> None:
        logger.debug("takes new options")
        try:
            self._stage.reconfigure(msgspec.convert(options, self._stage.Options))
        except LineError as error:  # else it would count as refused: its successor may succeed
            raise RuntimeError(f"new options: {error}") from error
