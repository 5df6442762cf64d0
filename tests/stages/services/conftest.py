"""A line for each test of a service."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stages.services.hand_made_line import Line


@pytest.fixture
def line(short_dir: Path) -> Iterator[Line]:
    line = Line(short_dir)
    yield line
    line.close()
