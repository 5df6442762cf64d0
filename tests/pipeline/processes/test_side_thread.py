"""Work beside a loop: the loop turns while it is done, and does what it asks for."""

import select
import threading
from collections.abc import Callable, Iterator

import pytest

from pipeline.processes.side_thread import SideThread
from tests.running_line import PATIENCE_S, wait_until


@pytest.fixture
def side() -> Iterator[SideThread]:
    side = SideThread()
    yield side
    side.close(PATIENCE_S)


def wait_for(event: threading.Event) -> None:
    event.wait(PATIENCE_S)


def turn_until(side: SideThread, condition: Callable[[], bool]) -> None:
    def turned() -> bool:
        side.turn()
        return condition()

    wait_until(turned, "the work is done")


def test_the_loop_turns_while_work_is_done(side: SideThread) -> None:
    go_on = threading.Event()
    side.begin(lambda: wait_for(go_on))
    for _ in range(100):
        side.turn()
    assert side.left == 1
    go_on.set()
    turn_until(side, lambda: side.left == 0)


def test_work_is_done_one_after_the_other(side: SideThread) -> None:
    done: list[int] = []
    for number in range(20):
        side.begin(lambda number=number: done.append(number))  # type: ignore[misc]
    assert side.left == 20
    turn_until(side, lambda: side.left == 0)
    assert done == list(range(20))


def test_a_step_is_done_by_the_loop_and_gives_its_result(side: SideThread) -> None:
    seen: list[object] = []

    def work() -> None:
        seen.append(side.in_loop(threading.get_ident))
        try:
            side.in_loop(lambda: 1 // 0)
        except ZeroDivisionError as error:
            seen.append(type(error))

    side.begin(work)
    turn_until(side, lambda: side.left == 0)
    assert seen == [threading.get_ident(), ZeroDivisionError]


def test_what_waits_for_the_loop_wakes_it(side: SideThread) -> None:
    side.begin(lambda: side.in_loop(lambda: None))
    assert select.select([side.fileno()], [], [], PATIENCE_S)[0]
    turn_until(side, lambda: side.left == 0)
    assert not select.select([side.fileno()], [], [], 0)[0]


def test_the_end_waits_for_work_that_has_begun_and_not_for_ever() -> None:
    side, done = SideThread(), list[str]()
    side.begin(lambda: side.in_loop(lambda: done.append("asked the loop")))
    side.close(PATIENCE_S)
    assert done == ["asked the loop"]
    side, never = SideThread(), threading.Event()
    side.begin(lambda: wait_for(never))
    side.close(0.05)
    assert side.left == 1
    never.set()
