"""What the tests of the page share: a folder, a browser, and a line that somebody looks at."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import Browser


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Where a line keeps its files: addresses of sockets have to be short."""
    path = Path(tempfile.mkdtemp(prefix="line-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as browser:
        yield browser
