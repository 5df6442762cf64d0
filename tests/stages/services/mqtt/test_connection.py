"""A connection that has ended leaves nothing behind: a broker may be away for days."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.services.login import Login
from stages.services.mqtt.connection import Connection, Down, Up
from stages.services.mqtt.publication import Publication
from stages.services.server_address import Address
from tests.ports import free_port
from tests.running_line import PATIENCE_S, wait_until
from tests.stages.services.mqtt.broker import Broker


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Whoever counts on the collector of cycles holds descriptors until it comes."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def connect(port: int) -> Connection:
    will = Publication("line/available", b"offline")
    address = Address("127.0.0.1", port, False, "mqtt")
    return Connection(address, Login(None, None), None, "line", 5, will)


def count_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def wait_for(connection: Connection, kind: type[Up] | type[Down]) -> None:
    while not isinstance(connection.wait(PATIENCE_S), kind):
        pass


@pytest.mark.usefixtures("no_collector")
def test_a_connection_that_was_never_made_is_gone() -> None:
    before = count_descriptors()
    for _ in range(5):
        wait_for(connect(free_port()), Down)
    wait_until(lambda: count_descriptors() <= before, "all descriptors are closed")


@pytest.mark.usefixtures("no_collector")
def test_a_connection_that_has_ended_is_gone(broker: Broker) -> None:
    before = count_descriptors()
    for end in (Connection.end, Connection.abandon):
        connection = connect(broker.port)
        wait_for(connection, Up)
        end(connection)
        wait_for(connection, Down)
        del connection
    wait_until(lambda: count_descriptors() <= before, "all descriptors are closed")
