"""The image of the checkout, built once for all tests that run it."""

from collections.abc import Iterator

import pytest

from tests.deploy.containers import Containers


@pytest.fixture(scope="session")
def containers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    made = Containers(tmp_path_factory.mktemp("containers"))
    made.build()
    yield made
    made.close()
