from pathlib import Path

import pytest

from pipeline.redact import forget
from tests.stages.line.configuration.kept import Kept


@pytest.fixture(autouse=True)
def _no_secrets() -> None:
    forget()


@pytest.fixture
def kept(tmp_path: Path, tiny_model: Path) -> Kept:
    return Kept(tmp_path / "line.yaml", tiny_model)
