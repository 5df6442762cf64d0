"""A broker and somebody who listens, for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stages.services.mqtt.broker import Broker, running_broker
from tests.stages.services.mqtt.serving import Subscriber


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with running_broker(tmp_path / "broker", "persistence false") as broker:
        yield broker


@pytest.fixture
def subscriber(broker: Broker) -> Iterator[Subscriber]:
    subscriber = Subscriber(broker.port)
    yield subscriber
    subscriber.close()
