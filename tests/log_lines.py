"""What is logged while a test runs."""

import contextlib
import logging
from collections.abc import Iterator

from pipeline.logger import logger


class _Texts(logging.Handler):
    """Keeps the texts of lines in a list."""

    def __init__(self, level: int | str) -> None:
        super().__init__(level)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@contextlib.contextmanager
def hear(level: int | str = logging.INFO) -> Iterator[list[str]]:
    """The texts of all lines from this level on, as they come."""
    handler = _Texts(level)
    logger.addHandler(handler)
    try:
        yield handler.texts
    finally:
        logger.removeHandler(handler)
