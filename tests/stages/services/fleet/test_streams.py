"""The streams of a fleet: made once, left alone where others have made them otherwise."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from nats.aio.client import Client

from stages.services.fleet import streams
from stages.services.fleet.operator import ask
from tests.running_line import PATIENCE_S, REPOSITORY
from tests.stages.services.fleet.servers import Server, running_server


def run(server: Server, *arguments: str) -> int:
    return streams.main([*arguments, *server.arguments()])


@pytest.fixture
def empty(tmp_path: Path):  # type: ignore[no-untyped-def]
    with running_server(tmp_path / "server") as server:
        yield server


def max_age_s(server: Server) -> float:
    async def read(client: Client) -> float:
        info = await ask(client, "STREAM.INFO.tl_events")
        return float(info["config"]["max_age"] / 1e9)

    return server.do(read)


def test_streams_are_made_once(empty: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(empty, "alone", "--gb", "0.1") == 0
    assert capsys.readouterr().out == "tl_events: made\ntl_states: made\nKV_tl_config: made\n"
    assert run(empty, "alone", "--gb", "0.1") == 0
    assert "tl_events: is there" in capsys.readouterr().out


def test_a_stream_with_other_limits_is_left_alone_unless_told(
    empty: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(empty, "alone", "--gb", "0.1", "--days", "1") == 0
    assert run(empty, "alone", "--gb", "0.1", "--days", "2") == 2
    error = capsys.readouterr().err
    assert error.startswith("error: stream tl_events: max_age: expected 172800 s, got 86400 s")
    assert "--update changes it" in error
    assert max_age_s(empty) == 86_400
    assert run(empty, "alone", "--gb", "0.1", "--days", "2", "--update") == 0
    assert max_age_s(empty) == 172_800


def test_more_than_the_server_has_is_one_line_that_says_what_to_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f'jetstream {{ store_dir: "{tmp_path}/store", max_file_store: 1GB }}'
    with running_server(tmp_path / "server", text) as server:
        assert run(server, "alone") == 2
        error = capsys.readouterr().err
        assert error.startswith("error: stream tl_events: the server has no 4 GB left for it")
        assert "--gb" in error
        assert run(server, "alone", "--gb", "0.5") == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["leaf"], "leaf: expected one site"),
        (["hub"], "hub: expected the names of all sites"),
        (["alone", "hall"], "alone: expected no site"),
        (["alone", "--server", "nats://me:secret@h"], "expected an address without user"),
        (["alone", "--server", "127.0.0.1:1"], "nats://127.0.0.1:1: Connect call failed"),
        (["alone", "--password-file", "/absent"], "error: --password-file: /absent: No such file"),
        (["alone", "--password-file", os.devnull],
         "error: --user: expected a name where --password-file is given"),
        (["alone", "--server", "http://h"], "error: --server: expected HOST or HOST:PORT"),
        (["alone", "--server", "me:secret@h"], "which are --user, and --password-file or"),
        (["alone", "--ca", "ca.pem"], "error: --ca: expected --server with tls://, got nats://"),
        (["alone", "--server", "tls://h", "--key", "k"],
         "error: --certificate: expected a file where --key is given"),
        (["alone", "--server", "tls://h", "--ca", "/absent"], "error: --ca: expected a file that"),
        (["alone", "--server", "tls://h", "--ca", __file__], "error: --ca: expected certificates"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_one_line(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert streams.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert told in error
    assert "fleet." not in error


def test_a_server_without_jetstream_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running_server(tmp_path, "jetstream: disabled") as server:
        assert run(server, "alone") == 2
    assert "JetStream" in capsys.readouterr().err


def test_whoever_watches_the_sources_stays_when_the_hub_is_started_again(empty: Server) -> None:
    limits = ["--gb", "0.1"]
    command = [sys.executable, "-m", streams.__name__, "hub", "hall", *limits, "--watch"]
    process = subprocess.Popen(
        [*command, *empty.arguments()], cwd=REPOSITORY, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        made = [process.stdout.readline() for _ in range(3)]
        assert made[0] == "tl_events: made\n"
        empty.stop()
        error = process.stderr.readline()
        assert error.endswith("; it is tried again\n")
        empty.start()
        while (told := process.stderr.readline()) != "connected again\n":
            assert told.startswith("error: "), told
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_S)
