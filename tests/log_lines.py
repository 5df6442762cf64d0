"""What is logged while a test runs."""

import contextlib
from collections.abc import Iterator

from pipeline.logger import INFO, LogLine, logger


@contextlib.contextmanager
def hear(level: str = INFO) -> Iterator[list[str]]:
    """The texts of all lines from this level on, as they come."""
    texts: list[str] = []

    def take(line: LogLine) -> None:
        texts.append(line.text)

    logger.add(take, level)
    try:
        yield texts
    finally:
        logger.remove(take)
