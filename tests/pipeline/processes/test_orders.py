"""Orders on their way to a process, and what it knows already."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from pipeline import redact
from pipeline.processes import orders as orders_module
from pipeline.processes.orders import Orders, decode_orders, remember
from pipeline.topology import RunSpec
from tests.pipeline.processes.test_supervisor import make_run

URI = "rtsp://admin:S3cretOfOrders@cam/1"


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    orders_module._known = None
    redact.forget()


@pytest.fixture
def run(tmp_path: Path) -> RunSpec:
    made = make_run(tmp_path, "Endless")
    (camera, *others) = made.processes
    camera = msgspec.structs.replace(camera, options={**camera.options, "address": URI})
    return msgspec.structs.replace(made, processes=(camera, *others))


def test_orders_come_as_they_were_sent(run: RunSpec) -> None:
    got = decode_orders(Orders(run, 1, "WARNING", is_quiet=True).encode())
    assert (got.index, got.log_level) == (1, "WARNING")
    assert (got.is_quiet, got.is_renewed) == (True, False)
    assert decode_orders(Orders(run, 1, "WARNING", is_renewed=True).encode()).is_renewed
    assert msgspec.to_builtins(got.run) == msgspec.to_builtins(run)


def test_what_is_secret_in_a_run_is_hidden_from_then_on(run: RunSpec) -> None:
    encoded = Orders(run, 0, "INFO").encode()
    redact.forget()
    assert "S3cretOfOrders" in redact.redact("cannot resolve S3cretOfOrders")
    decode_orders(encoded)
    assert "S3cretOfOrders" not in redact.redact("cannot resolve S3cretOfOrders")


def test_a_run_that_is_remembered_is_not_decoded_again_and_its_secrets_are_known(
    run: RunSpec,
) -> None:
    remember(run)
    encoded = Orders(run, 0, "INFO").encode()
    first, second = decode_orders(encoded), decode_orders(encoded)
    assert first.run is second.run
    assert msgspec.to_builtins(first.run) == msgspec.to_builtins(run)
    assert "S3cretOfOrders" not in redact.redact("cannot resolve S3cretOfOrders")


def test_another_run_than_the_remembered_one_is_decoded(run: RunSpec, tmp_path: Path) -> None:
    remember(run)
    other = msgspec.structs.replace(run, run_dir=str(tmp_path / "other"))
    got = decode_orders(Orders(other, 0, "INFO").encode())
    assert got.run.run_dir == str(tmp_path / "other")
    assert decode_orders(Orders(run, 0, "INFO").encode()).run.run_dir == run.run_dir


@pytest.mark.parametrize("cut", [0, 1, 20, 60, -1])
def test_orders_that_are_not_whole_are_refused(run: RunSpec, cut: int) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode_orders(Orders(run, 0, "INFO").encode()[:cut])
