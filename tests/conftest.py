"""Paths that tests share."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def tiny_model() -> Path:
    """A model file with the detector's interface that needs no time; see golden/make_tiny.py."""
    return REPOSITORY / "tests/golden/tiny.onnx"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real images and clips, which are never part of the repository."""
    path = Path(os.environ.get("THUNDERLINE_SHARED", REPOSITORY.parent / "shared"))
    if not path.is_dir():
        pytest.skip(f"no real images and clips at {path} (set THUNDERLINE_SHARED)")
    return path
