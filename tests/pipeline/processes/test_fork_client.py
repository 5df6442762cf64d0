"""Processes that a real fork server makes, and what becomes of them without it."""

import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from pipeline.limits import Limits
from pipeline.memory.ledger import Ledger
from pipeline.processes.fork_client import ForkServerClient
from pipeline.processes.forked_process import ForkedProcess
from pipeline.processes.orders import EXIT_CRASHED, EXIT_REFUSED, Orders
from tests.pipeline.processes.test_supervisor import HERE, make_run
from tests.running_line import PATIENCE_S

QUICK = Limits(restarts=2)
UNREADABLE_ORDERS = b"no orders"


@pytest.fixture
def forker() -> Iterator[ForkServerClient]:
    forker = ForkServerClient(os.getpid(), (HERE.rpartition(".")[0], HERE), QUICK)
    yield forker
    forker.close()


@pytest.fixture
def earlier_children() -> set[int]:
    """Processes that other tests have left to this one, zombies among them."""
    return set(children_of_this_process())


def until(forker: ForkServerClient, condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        select.select(forker.fds(), [], [], 0.01)
        forker.look()


def born(forker: ForkServerClient, process: ForkedProcess) -> int:
    until(forker, lambda: process.pid is not None)
    assert process.pid is not None
    return process.pid


def orders_of_a_camera(run_dir: Path) -> bytes:
    run = make_run(run_dir, "Endless")
    Ledger.create(run_dir, len(run.cameras), len(run.processes))
    return msgspec.msgpack.encode(Orders(run, 0, "ERROR"))


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def server_of(forker: ForkServerClient) -> int:
    return forker._server.pid


def test_a_process_is_a_child_of_who_asked_and_ends_with_a_code(
    forker: ForkServerClient, short_dir: Path
) -> None:
    process = forker.make(orders_of_a_camera(short_dir))
    assert process.poll() is None, "not born yet"
    pid = born(forker, process)
    assert parent_of(pid) == os.getpid()
    until(forker, lambda: Path(f"/proc/{pid}/comm").read_text().strip() == "camera.yard")
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0
    assert not Path(f"/proc/{pid}").exists()
    process.send_signal(signal.SIGTERM)  # to nobody


def test_memory_counts_from_the_birth_on(forker: ForkServerClient, short_dir: Path) -> None:
    process = forker.make(orders_of_a_camera(short_dir))
    assert process.taken_kb() == 0
    born(forker, process)
    assert process.taken_kb() < 20_000, "what was imported is the server's"
    process.send_signal(signal.SIGKILL)
    assert process.wait(PATIENCE_S) == -signal.SIGKILL
    assert process.taken_kb() == 0


def test_orders_that_nobody_can_read_are_refused(forker: ForkServerClient) -> None:
    process = forker.make(UNREADABLE_ORDERS)
    born(forker, process)
    assert process.wait(PATIENCE_S) == EXIT_REFUSED


def test_one_that_is_stopped_before_its_birth_never_begins(
    earlier_children: set[int], forker: ForkServerClient
) -> None:
    os.kill(server_of(forker), signal.SIGSTOP)
    unwanted = forker.make(UNREADABLE_ORDERS)
    unwanted.send_signal(signal.SIGTERM)
    assert unwanted.wait(0.0) == -signal.SIGTERM
    os.kill(server_of(forker), signal.SIGCONT)
    wanted = forker.make(UNREADABLE_ORDERS)
    assert wanted.poll() is None
    born(forker, wanted)
    assert wanted.wait(PATIENCE_S) == EXIT_REFUSED
    assert unwanted.pid is None
    until(forker, lambda: set(children_of_this_process()) - earlier_children == {server_of(forker)})


def children_of_this_process() -> list[int]:
    text = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text()
    return [int(pid) for pid in text.split()]


def test_who_lives_is_not_touched_by_the_death_of_the_server(
    forker: ForkServerClient, short_dir: Path
) -> None:
    process = forker.make(orders_of_a_camera(short_dir))
    pid = born(forker, process)
    killed = server_of(forker)
    os.kill(killed, signal.SIGKILL)
    until(forker, lambda: server_of(forker) != killed)
    later = forker.make(UNREADABLE_ORDERS)
    assert born(forker, later) != pid
    assert later.wait(PATIENCE_S) == EXIT_REFUSED
    assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_who_was_asked_for_is_asked_for_again(
    forker: ForkServerClient, number: signal.Signals
) -> None:
    warm = forker.make(UNREADABLE_ORDERS)
    born(forker, warm)
    assert warm.wait(PATIENCE_S) == EXIT_REFUSED
    os.kill(server_of(forker), number)
    process = forker.make(UNREADABLE_ORDERS)
    born(forker, process)
    assert process.wait(PATIENCE_S) == EXIT_REFUSED


@pytest.mark.parametrize("module", ["dying_module", "threaded_module"])
def test_a_server_that_never_lives_is_given_up(module: str) -> None:
    forker = ForkServerClient(os.getpid(), (f"tests.pipeline.{module}",), QUICK)
    process = forker.make(UNREADABLE_ORDERS)
    until(forker, lambda: forker.exhausted)
    assert process.poll() == EXIT_CRASHED
    assert forker.make(UNREADABLE_ORDERS).poll() == EXIT_CRASHED
    forker.close()


def test_a_module_that_is_not_there_hinders_nobody() -> None:
    forker = ForkServerClient(os.getpid(), ("no.such.module", HERE), QUICK)
    process = forker.make(UNREADABLE_ORDERS)
    born(forker, process)
    assert process.wait(PATIENCE_S) == EXIT_REFUSED
    forker.close()


def test_what_is_not_born_at_the_end_never_is() -> None:
    forker = ForkServerClient(os.getpid(), (HERE,), QUICK)
    os.kill(server_of(forker), signal.SIGSTOP)
    process = forker.make(UNREADABLE_ORDERS)
    server = server_of(forker)
    forker.close()
    assert process.pid is None
    assert not Path(f"/proc/{server}").exists()


def test_who_is_born_while_the_forker_closes_is_gone_when_it_has_closed(
    earlier_children: set[int],
) -> None:
    forker = ForkServerClient(os.getpid(), (HERE,), QUICK)
    warm = forker.make(UNREADABLE_ORDERS)
    born(forker, warm)
    assert warm.wait(PATIENCE_S) == EXIT_REFUSED
    processes = [forker.make(UNREADABLE_ORDERS) for _ in range(8)]
    select.select(forker.fds(), [], [], PATIENCE_S)  # the first is there, and nobody looks
    forker.close()
    assert set(children_of_this_process()) <= earlier_children
    assert [process.pid for process in processes] == [None] * 8


def test_a_server_that_died_unseen_hinders_no_closing(earlier_children: set[int]) -> None:
    forker = ForkServerClient(os.getpid(), (HERE,), QUICK)
    forker.make(UNREADABLE_ORDERS)
    os.kill(server_of(forker), signal.SIGKILL)
    forker.close()
    assert set(children_of_this_process()) <= earlier_children
