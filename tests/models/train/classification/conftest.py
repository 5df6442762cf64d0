from pathlib import Path

import pytest

from tests.models.tiny_imagenet import write_imagenet


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_imagenet(tmp_path / "images", train=7, val=2)
    return tmp_path
