"""Processes that a real fork server makes, and what happens to them without it."""

import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.limits import Limits
from pipeline.memory.ledger import Ledger
from pipeline.processes import server_process
from pipeline.processes.fork_client import ForkServerClient
from pipeline.processes.forked_process import ForkedProcess
from pipeline.processes.orders import EXIT_CRASHED, EXIT_REFUSED, Orders
from tests.pipeline.processes.test_supervisor import HERE, make_run
from tests.running_line import PATIENCE_S

QUICK = Limits(restarts=2)
UNREADABLE_ORDERS = b"no orders"


@pytest.fixture(params=[1, 2], ids=["fork", "program"])
def fork_server(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ForkServerClient]:
    """As a fork of this process, which has one thread, or as a program of its own."""
    monkeypatch.setattr(server_process, "count_threads", lambda: request.param)
    fork_server = ForkServerClient(os.getpid(), (HERE.rpartition(".")[0], HERE), QUICK)
    yield fork_server
    fork_server.close()


@pytest.fixture
def earlier_children() -> set[int]:
    """Processes that other tests have left to this one, zombies among them."""
    return set(children_of_this_process())


def until(fork_server: ForkServerClient, condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        select.select(fork_server.fds(), [], [], 0.01)
        fork_server.look()


def wait_for_start(fork_server: ForkServerClient, process: ForkedProcess) -> int:
    until(fork_server, lambda: process.pid is not None)
    assert process.pid is not None
    return process.pid


def orders_of_a_camera(run_dir: Path) -> bytes:
    run = make_run(run_dir, "Endless")
    Ledger.create(run_dir, len(run.cameras), len(run.processes))
    return Orders(run, 0, "ERROR").encode()


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def server_of(fork_server: ForkServerClient) -> int:
    return fork_server._server.pid


def test_a_process_is_a_child_of_the_requesting_one_and_ends_with_a_code(
    fork_server: ForkServerClient, short_dir: Path
) -> None:
    process = fork_server.make(orders_of_a_camera(short_dir))
    assert process.poll() is None, "not started yet"
    pid = wait_for_start(fork_server, process)
    assert parent_of(pid) == os.getpid()
    until(fork_server, lambda: Path(f"/proc/{pid}/comm").read_text().strip() == "camera.yard")
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0
    assert not Path(f"/proc/{pid}").exists()
    process.send_signal(signal.SIGTERM)  # to none


def test_memory_counts_from_the_start_on(fork_server: ForkServerClient, short_dir: Path) -> None:
    process = fork_server.make(orders_of_a_camera(short_dir))
    assert process.taken_kb() == 0
    wait_for_start(fork_server, process)
    assert process.taken_kb() < 20_000, "what was imported is the server's"
    process.send_signal(signal.SIGKILL)
    assert process.wait(PATIENCE_S) == -signal.SIGKILL
    assert process.taken_kb() == 0


def test_unreadable_orders_are_refused(fork_server: ForkServerClient) -> None:
    process = fork_server.make(UNREADABLE_ORDERS)
    wait_for_start(fork_server, process)
    assert process.wait(PATIENCE_S) == EXIT_REFUSED


def test_a_process_that_is_stopped_before_its_start_never_begins(
    earlier_children: set[int], fork_server: ForkServerClient
) -> None:
    os.kill(server_of(fork_server), signal.SIGSTOP)
    unwanted = fork_server.make(UNREADABLE_ORDERS)
    unwanted.send_signal(signal.SIGTERM)
    assert unwanted.wait(0.0) == -signal.SIGTERM
    os.kill(server_of(fork_server), signal.SIGCONT)
    wanted = fork_server.make(UNREADABLE_ORDERS)
    assert wanted.poll() is None
    wait_for_start(fork_server, wanted)
    assert wanted.wait(PATIENCE_S) == EXIT_REFUSED
    assert unwanted.pid is None
    until(
        fork_server,
        lambda: set(children_of_this_process()) - earlier_children == {server_of(fork_server)},
    )


def children_of_this_process() -> list[int]:
    text = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text()
    return [int(pid) for pid in text.split()]


def test_running_processes_survive_the_death_of_the_server(
    fork_server: ForkServerClient, short_dir: Path
) -> None:
    process = fork_server.make(orders_of_a_camera(short_dir))
    pid = wait_for_start(fork_server, process)
    killed = server_of(fork_server)
    os.kill(killed, signal.SIGKILL)
    until(fork_server, lambda: server_of(fork_server) != killed)
    later = fork_server.make(UNREADABLE_ORDERS)
    assert wait_for_start(fork_server, later) != pid
    assert later.wait(PATIENCE_S) == EXIT_REFUSED
    assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_that_was_requested_is_requested_again(
    fork_server: ForkServerClient, number: signal.Signals
) -> None:
    warm = fork_server.make(UNREADABLE_ORDERS)
    wait_for_start(fork_server, warm)
    assert warm.wait(PATIENCE_S) == EXIT_REFUSED
    os.kill(server_of(fork_server), number)
    process = fork_server.make(UNREADABLE_ORDERS)
    wait_for_start(fork_server, process)
    assert process.wait(PATIENCE_S) == EXIT_REFUSED


@pytest.mark.parametrize("module", ["dying_module", "threaded_module"])
def test_a_server_that_dies_at_every_start_is_given_up(module: str) -> None:
    fork_server = ForkServerClient(os.getpid(), (f"tests.pipeline.{module}",), QUICK)
    process = fork_server.make(UNREADABLE_ORDERS)
    until(fork_server, lambda: fork_server.exhausted)
    assert process.poll() == EXIT_CRASHED
    assert fork_server.make(UNREADABLE_ORDERS).poll() == EXIT_CRASHED
    fork_server.close()


def test_a_module_that_does_not_exist_does_no_harm() -> None:
    fork_server = ForkServerClient(os.getpid(), ("no.such.module", HERE), QUICK)
    process = fork_server.make(UNREADABLE_ORDERS)
    wait_for_start(fork_server, process)
    assert process.wait(PATIENCE_S) == EXIT_REFUSED
    fork_server.close()


def test_a_process_that_has_not_started_at_the_end_never_does() -> None:
    fork_server = ForkServerClient(os.getpid(), (HERE,), QUICK)
    os.kill(server_of(fork_server), signal.SIGSTOP)
    process = fork_server.make(UNREADABLE_ORDERS)
    server = server_of(fork_server)
    fork_server.close()
    assert process.pid is None
    assert not Path(f"/proc/{server}").exists()


def test_a_process_that_starts_during_the_close_is_gone_after_it(
    earlier_children: set[int],
) -> None:
    fork_server = ForkServerClient(os.getpid(), (HERE,), QUICK)
    warm = fork_server.make(UNREADABLE_ORDERS)
    wait_for_start(fork_server, warm)
    assert warm.wait(PATIENCE_S) == EXIT_REFUSED
    processes = [fork_server.make(UNREADABLE_ORDERS) for _ in range(8)]
    select.select(fork_server.fds(), [], [], PATIENCE_S)  # the first has started, unseen
    fork_server.close()
    assert set(children_of_this_process()) <= earlier_children
    assert [process.pid for process in processes] == [None] * 8


def test_a_server_that_died_unseen_does_not_hinder_the_close(earlier_children: set[int]) -> None:
    fork_server = ForkServerClient(os.getpid(), (HERE,), QUICK)
    fork_server.make(UNREADABLE_ORDERS)
    os.kill(server_of(fork_server), signal.SIGKILL)
    fork_server.close()
    assert set(children_of_this_process()) <= earlier_children


def test_another_package_in_the_working_directory_is_not_taken_for_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pipeline").mkdir()
    (tmp_path / "pipeline/__init__.py").write_text("raise RuntimeError('of another program')")
    monkeypatch.chdir(tmp_path)
    fork_server = ForkServerClient(os.getpid(), (HERE,), QUICK)
    process = fork_server.make(UNREADABLE_ORDERS)
    wait_for_start(fork_server, process)
    assert process.wait(PATIENCE_S) == EXIT_REFUSED
    assert not fork_server.exhausted
    fork_server.close()
