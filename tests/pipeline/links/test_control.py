"""Questions to a supervisor and its answers, over a real socket."""

import asyncio
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.links.control import MOST_BYTES, ControlServer
from pipeline.links.control_client import ControlClient, ControlError
from tests.running_line import PATIENCE_S

Answer = Callable[[bytes], bytes | None]


def echo(question: bytes) -> bytes:
    return b"you said " + question


@contextmanager
def serving(run_dir: Path, answer: Answer = echo) -> Iterator[ControlServer]:
    """A supervisor that turns in a thread; it answers what `answer` gives, if anything."""
    ended = threading.Event()
    server = ControlServer(run_dir)

    def serve() -> None:
        while not ended.wait(0.005):
            for question in server.take():
                body = answer(question.body)
                if body is not None:
                    question.answer(body)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server
    finally:
        ended.set()
        thread.join()
        server.close()


def ask(run_dir: Path, question: bytes, patience_s: float = PATIENCE_S) -> bytes:
    return ControlClient(run_dir).ask(question, patience_s, lambda: True)


def test_a_question_is_answered(short_dir: Path) -> None:
    with serving(short_dir):
        assert ask(short_dir, b"hello") == b"you said hello"
        client = ControlClient(short_dir)
        assert asyncio.run(client.ask_async(b"again", PATIENCE_S)) == b"you said again"


def test_the_socket_is_for_its_owner_alone(short_dir: Path) -> None:
    with serving(short_dir):
        (socket,) = (path for path in short_dir.iterdir() if stat.S_ISSOCK(path.stat().st_mode))
        assert stat.S_IMODE(socket.stat().st_mode) == 0o600


def test_questions_at_the_same_time_get_each_its_own_answer(short_dir: Path) -> None:
    async def ask_all() -> list[bytes]:
        client = ControlClient(short_dir)
        return await asyncio.gather(
            *(client.ask_async(str(number).encode(), PATIENCE_S) for number in range(40))
        )

    with serving(short_dir):
        assert asyncio.run(ask_all()) == [f"you said {number}".encode() for number in range(40)]


def test_a_question_that_nobody_answers_is_an_error_in_time(short_dir: Path) -> None:
    with pytest.raises(ControlError, match=r"expected an answer in 0\.1 s, got none"):
        ask(short_dir, b"hello", 0.1)  # nobody is there
    with serving(short_dir, lambda _: None), pytest.raises(ControlError):
        asyncio.run(ControlClient(short_dir).ask_async(b"hello", 0.1))


def test_a_service_that_is_to_end_waits_no_longer(short_dir: Path) -> None:
    turns = iter([True, False])
    with pytest.raises(ControlError):
        ControlClient(short_dir).ask(b"hello", 1e6, lambda: next(turns))


def test_askers_that_left_hold_up_nobody(short_dir: Path) -> None:
    with serving(short_dir):
        for number in range(30):
            with pytest.raises(ControlError):
                ask(short_dir, b"x" * 10_000 + str(number).encode(), 0.0)
        assert ask(short_dir, b"hello") == b"you said hello"


def test_a_question_has_a_limit_and_an_answer_may_be_as_long(short_dir: Path) -> None:
    with pytest.raises(ControlError, match=f"{MOST_BYTES} bytes at most"):
        ask(short_dir, b"x" * (MOST_BYTES + 1))
    with serving(short_dir, lambda question: question):
        assert len(ask(short_dir, b"x" * MOST_BYTES)) == MOST_BYTES
