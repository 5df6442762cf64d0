"""What those who take log lines are told."""

import sys

import pytest

from pipeline.logger import DEBUG, ERROR, INFO, WARNING, Logger, LogLine


@pytest.fixture
def logger() -> Logger:
    return Logger()


def test_who_takes_lines_gets_those_of_its_level_and_graver_ones(logger: Logger) -> None:
    all_lines: list[LogLine] = []
    grave: list[LogLine] = []
    logger.add(all_lines.append)
    logger.add(grave.append, WARNING)
    logger.debug("d")
    logger.info("i")
    logger.warning("w")
    logger.error("e")
    assert [(line.level, line.text) for line in all_lines] == [
        (DEBUG, "d"), (INFO, "i"), (WARNING, "w"), (ERROR, "e")
    ]  # fmt: skip
    assert [line.text for line in grave] == ["w", "e"]


def test_values_take_their_places(logger: Logger) -> None:
    lines: list[LogLine] = []
    logger.add(lines.append)
    logger.info("{}: no frame for {:g} s", "gate", 2.0)
    assert lines == [LogLine(INFO, "gate: no frame for 2 s")]


def test_a_text_without_values_may_have_braces(logger: Logger) -> None:
    lines: list[LogLine] = []
    logger.add(lines.append)
    logger.info('expected {"name": ...}')
    assert lines == [LogLine(INFO, 'expected {"name": ...}')]


def test_values_that_nobody_wants_are_not_made_text(logger: Logger) -> None:
    class Costly:
        def __str__(self) -> str:
            raise AssertionError("it is not wanted")

    logger.add(lambda _: None, WARNING)
    logger.info("{}", Costly())


def test_who_has_left_is_told_nothing(logger: Logger) -> None:
    lines: list[LogLine] = []
    take = lines.append
    logger.add(take)
    logger.remove(take)
    logger.error("e")
    logger.remove(take)  # again: nothing happens
    assert lines == []


def test_an_exception_comes_with_its_line_at_any_level(logger: Logger) -> None:
    lines: list[LogLine] = []
    logger.add(lines.append)
    try:
        raise ValueError("bad")
    except ValueError as error:
        logger.exception("{} crashed", "track", level=DEBUG)
        handled = error
    logger.log(ERROR, "elsewhere", exception=(None, None, None))
    (crash, other) = lines
    assert (crash.level, crash.text) == (DEBUG, "track crashed")
    assert crash.exception is not None
    assert crash.exception[1] is handled
    assert other.exception is None
    assert sys.exc_info() == (None, None, None)
