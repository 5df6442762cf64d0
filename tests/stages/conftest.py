"""What stages say."""

from collections.abc import Iterator

import pytest
from loguru import logger


@pytest.fixture
def said() -> Iterator[list[str]]:
    """Warnings and errors of a test, one each."""
    texts: list[str] = []
    sink = logger.add(lambda message: texts.append(message.record["message"]), level="WARNING")
    yield texts
    logger.remove(sink)
