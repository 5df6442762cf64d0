"""How what is said becomes a line."""

import logging
import logging.handlers

import pytest

from pipeline.logger import Logger, logger


@pytest.fixture
def heard() -> logging.handlers.BufferingHandler:
    return logging.handlers.BufferingHandler(100)


@pytest.fixture
def said(heard: logging.handlers.BufferingHandler) -> Logger:
    """A logger of this test's own."""
    said = Logger("test")
    said.addHandler(heard)
    return said


def test_values_take_their_places(said: Logger, heard: logging.handlers.BufferingHandler) -> None:
    said.info("{}: no frame for {:g} s, {}", "gate", 2.0, "100 %")
    said.info("{}", {"a": 1})  # `logging` takes a single mapping for names
    said.warning('expected {"name": ...} %s')  # without values, braces are braces
    assert [record.getMessage() for record in heard.buffer] == [
        "gate: no frame for 2 s, 100 %", "{'a': 1}", 'expected {"name": ...} %s'
    ]  # fmt: skip


def test_values_that_nobody_wants_are_not_made_text(
    said: Logger, heard: logging.handlers.BufferingHandler
) -> None:
    class Costly:
        def __str__(self) -> str:
            raise AssertionError("it is not wanted")

    heard.setLevel(logging.WARNING)
    said.info("{}", Costly())
    assert heard.buffer == []


def test_an_exception_comes_with_its_line_at_any_level(
    said: Logger, heard: logging.handlers.BufferingHandler
) -> None:
    try:
        raise ValueError("bad")
    except ValueError as error:
        said.log(logging.DEBUG, "{} crashed", "track", exc_info=True)
        handled = error
    (record,) = heard.buffer
    assert (record.levelname, record.getMessage()) == ("DEBUG", "track crashed")
    assert record.exc_info is not None
    assert record.exc_info[1] is handled


def test_it_stands_alone(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other packages' handlers get no lines of ours, and nothing is said before `configure`."""
    logger.error("said")
    assert caplog.records == []
    assert capsys.readouterr().err == ""
