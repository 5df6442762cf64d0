"""The service `recorder`: keeps what matters in files, over many runs."""

import time
from pathlib import Path

import msgspec
from loguru import logger

from pipeline.service import ServiceContext, ServiceError
from stages.services.archive.archive import Archive
from stages.services.archive.retention import Limits
from stages.services.recorder.events import EventKeeper

_TURN_S = 0.2


class RecorderOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As in the configuration; docs/recording.md explains them."""

    folder: str
    limits: Limits


class Recorder:
    """One process for all cameras. The files are the truth; an index of them is kept beside."""

    Options = RecorderOptions

    def __init__(self, options: RecorderOptions, context: ServiceContext) -> None:
        self._context = context
        try:
            self._archive = Archive(Path(options.folder), options.limits)
        except OSError as error:
            raise ServiceError(f"record.folder: {options.folder}: {error.strerror}") from None
        self._events = EventKeeper(self._archive)
        logger.info("keeps what matters in {}", options.folder)

    def run(self) -> None:
        while self._context.is_running():
            self._take_turn()
            time.sleep(_TURN_S)
        self._take_turn()

    def _take_turn(self) -> None:
        self._archive.take_turn()
        if self._archive.is_complete:  # it knows what it has of this run
            for event in self._context.events.read():
                self._events.add(event)

    def close(self) -> None:
        self._archive.close()
