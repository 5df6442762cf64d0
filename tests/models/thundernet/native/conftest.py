import pytest

from models.thundernet.native.library import library


@pytest.fixture(autouse=True)
def compiled() -> None:
    if library.load() is None:
        pytest.skip(f"no compiled kernels: {library.reason}")
