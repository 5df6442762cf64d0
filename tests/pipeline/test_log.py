import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import log
from pipeline.logger import logger
from tests.running_line import PATIENCE_S, REPOSITORY


@pytest.fixture(autouse=True)
def _restore_log() -> Iterator[None]:
    yield
    log.leave()


def test_a_line_names_its_process_and_hides_credentials(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log.configure("INFO", "capture.yard")
    logger.info("cannot open {}", "rtsp://admin:S3cret@cam/1")
    said = capsys.readouterr().err
    assert said.endswith("INFO    capture.yard     cannot open rtsp://***@cam/1\n")
    assert "\x1b" not in said  # no terminal


def test_an_exception_hides_credentials_too(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("INFO", "capture.yard")
    address = "rtsp://admin:S3cret@cam/1"
    try:
        raise ValueError(f"bad address {address}")
    except ValueError:
        logger.exception("crashed")
    said = capsys.readouterr().err
    assert "crashed" in said
    assert "ValueError" in said
    assert "S3cret" not in said


def test_text_from_outside_steers_no_terminal_and_forges_no_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log.configure("INFO", "capture.yard")
    logger.warning("{}", "denied\x1b[2J\r\n12:00:00.000 INFO    run              all is well\x9b")
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert r"denied\x1b[2J\x0d\x0a12:00:00.000 INFO" in said
    assert said.endswith("\\x9b\n")


def test_what_a_command_says_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    foreign = "denied\x1b[2J\r\nb\x9b"
    log.say(foreign)
    log.say_json('{"a": "\x9b"}')
    log.say_error(foreign)
    log.show_status(foreign)
    said = capsys.readouterr()
    assert said.out == "denied\\x1b[2J\\x0d\nb\\x9b\n" + '{"a": "\\u009b"}\n'
    assert said.err == ("denied\\x1b[2J\\x0d\nb\\x9b\n\r\x1b[K" + r"denied\x1b[2J\x0d\x0ab\x9b")


def test_an_exception_that_nobody_has_caught_steers_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log.configure("INFO", "capture.yard")
    try:
        raise ValueError("denied\x1b[2J")
    except ValueError as error:
        log._show_crash(ValueError, error, None)
        logger.exception("crashed")
    assert capsys.readouterr().err.count(r"ValueError: denied\x1b[2J") == 2


def test_lines_below_the_level_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("WARNING", "run")
    logger.info("below")
    logger.warning("at the level")
    assert "below" not in (said := capsys.readouterr().err)
    assert "at the level" in said


@pytest.mark.parametrize(
    ("level", "priority"), [("DEBUG", 7), ("INFO", 6), ("WARNING", 4), ("ERROR", 3)]
)
def test_the_journal_gets_levels_as_priorities_and_no_time(
    level: str, priority: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "journal").open("w") as journal:
        there = os.fstat(journal.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{there.st_dev}:{there.st_ino}")
        monkeypatch.setattr(sys, "stderr", journal)
        log.configure("DEBUG", "capture.yard")
        logger.log(logging.getLevelNamesMapping()[level], "said")
    assert (tmp_path / "journal").read_text() == f"<{priority}>capture.yard     said\n"


def test_what_a_command_refuses_is_an_error_for_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "journal").open("w") as journal:
        there = os.fstat(journal.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{there.st_dev}:{there.st_ino}")
        monkeypatch.setattr(sys, "stderr", journal)
        log.say_error("error: this\nand that")
    assert (tmp_path / "journal").read_text() == "<3>error: this\n<3>and that\n"


@pytest.mark.parametrize("stream", ["", "1", "1:2", "a:b", "1:2:3"])
def test_another_stream_is_not_the_journal(
    stream: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable is inherited by what is started from a service with another output."""
    monkeypatch.setenv("JOURNAL_STREAM", stream)
    log.configure("INFO", "run")
    logger.info("said")
    assert "INFO    run              said" in capsys.readouterr().err


def test_a_fork_changes_its_name_and_a_level_that_is_another(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log.configure("WARNING", "run")
    log.take_over("WARNING", "track")
    logger.info("below")
    logger.warning("its {}", "rtsp://admin:S3cret@cam/1")
    said = capsys.readouterr().err
    assert said.endswith("WARNING track            its rtsp://***@cam/1\n")
    assert said.count("\n") == 1
    log.take_over("INFO", "publish")
    logger.info("no more below")
    assert capsys.readouterr().err.endswith("INFO    publish          no more below\n")


def test_a_process_that_was_never_configured_is_by_taking_over(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log.leave()
    log.take_over("INFO", "track")
    logger.info("here")
    assert capsys.readouterr().err.endswith("INFO    track            here\n")


def run_script(text: str, *, reader_goes: bool = False) -> tuple[int, str]:
    """Exit code and standard error of a command with this `main`."""
    script = f"import sys\nfrom pipeline import log\ndef main():\n    {text}\n    return 0\n"
    with subprocess.Popen(
        [sys.executable, "-c", f"{script}sys.exit(log.run_command(main))"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        if reader_goes:
            process.stdout.readline()
            process.stdout.close()
        return process.wait(PATIENCE_S), process.stderr.read()


def test_ctrl_c_ends_a_command_without_a_traceback() -> None:
    assert run_script("raise KeyboardInterrupt") == (130, "interrupted\n")


def test_a_reader_that_has_gone_ends_a_command_without_a_traceback() -> None:
    said = "while True: log.say('a line of many')"
    assert run_script(said, reader_goes=True) == (141, "")


def test_a_reader_that_has_gone_before_the_end_of_a_short_text_does_too() -> None:
    """The text waits in a buffer for the end, unless the environment has it written at once."""
    script = (
        "import sys\nfrom pipeline import log\nsys.exit(log.run_command(lambda: print(1) or 0))"
    )
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(
        [sys.executable, "-c", script],
        stdout=writer, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY, timeout=PATIENCE_S,
        env={name: text for name, text in os.environ.items() if name != "PYTHONUNBUFFERED"},
    )  # fmt: skip
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (141, "")


def test_a_crash_of_a_command_hides_credentials() -> None:
    code, said = run_script("raise ValueError('rtsp://admin:S3cret@cam/1')")
    assert code == 1
    assert "ValueError: rtsp://***@cam/1" in said
    assert "S3cret" not in said
