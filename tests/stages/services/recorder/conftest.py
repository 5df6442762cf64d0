from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.disks import mounted


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """The folder of the films is a file system of its own; 24 MiB are more than has to be free."""
    with mounted(tmp_path / "record", "size=24m") as path:
        yield path
