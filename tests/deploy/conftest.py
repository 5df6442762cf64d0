"""The image of the checkout, built once for all tests that run it; a line for a test of servers."""

from collections.abc import Iterator

import pytest

from tests.deploy.containers import Containers
from tests.stages.services.hand_made_line import hand_made_line

__all__ = ["containers", "hand_made_line"]


@pytest.fixture(scope="session")
def containers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    made = Containers(tmp_path_factory.mktemp("containers"))
    made.build()
    yield made
    made.close()
