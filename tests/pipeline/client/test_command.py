import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from pipeline.client import __main__ as command
from pipeline.links.broadcast import Broadcast
from tests.pipeline.messages import make_event, make_message, make_status, publish
from tests.running_line import wait_until


@pytest.fixture
def line(short_dir: Path) -> Iterator[Broadcast]:
    broadcast = Broadcast(f"ipc://{short_dir}/pub", ["det.yard", "status.yard", "event.yard"])
    yield broadcast
    broadcast.close()


def run_client(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipeline.client", *arguments],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_the_command_names_an_address_that_is_none() -> None:
    done = run_client("nonsense")
    assert done.returncode == 1
    assert done.stderr == "nonsense: expected tcp://HOST:PORT or ipc://PATH\n"
    assert "Traceback" not in done.stderr


def test_the_command_names_a_message_that_is_none(short_dir: Path, line: Broadcast) -> None:
    endpoint = f"ipc://{short_dir}/pub"
    command = [sys.executable, "-m", "pipeline.client", endpoint]
    line.send("det.yard", os.urandom(40))
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as client:

        def ended() -> bool:
            line.welcome()
            return client.poll() is not None

        wait_until(ended, "the client ends")
        assert client.returncode == 1
        assert client.stderr is not None
        said = client.stderr.read()
    assert "topic b'det.yard': expected a detection, status or event" in said
    assert "Traceback" not in said


def run_beside(line: Broadcast, *arguments: str) -> tuple[int, str, str]:
    """The client's exit code, output and complaints, while the line is served."""
    with subprocess.Popen(
        [sys.executable, "-m", "pipeline.client", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as client:  # fmt: skip

        def ended() -> bool:
            line.welcome()
            return client.poll() is not None

        wait_until(ended, "the client ends")
        assert client.stdout is not None
        assert client.stderr is not None
        return client.returncode, client.stdout.read(), client.stderr.read()


def test_a_silence_after_messages_is_a_regular_end(short_dir: Path, line: Broadcast) -> None:
    publish(line, make_status())
    publish(line, make_message())
    code, out, said = run_beside(line, f"ipc://{short_dir}/pub", "--timeout", "3")
    assert (code, said) == (0, "")
    assert "yard #0 age 4.5 ms: car 0.75" in out


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_what_a_line_sends_steers_no_terminal(
    short_dir: Path, line: Broadcast, options: list[str]
) -> None:
    publish(line, msgspec.structs.replace(make_status(), why="a\x1b[2J\n\x9b"))
    code, out, _ = run_beside(line, f"ipc://{short_dir}/pub", "--timeout", "3", *options)
    assert code == 0
    (row,) = out.splitlines()
    assert row.isprintable()
    assert (r"\u001b[2J\n\u009b" if options else r"\x1b[2J\x0a\x9b") in row


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_events_come_by_themselves(short_dir: Path, line: Broadcast, options: list[str]) -> None:
    """They are not kept for a client that comes late, so they are sent until it is there."""
    command = [sys.executable, "-m", "pipeline.client", f"ipc://{short_dir}/pub", "--events"]
    out = short_dir / "out"
    publish(line, make_status())
    events = [make_event(seq, kind="zone_enter", region="lawn", inside=seq) for seq in range(9999)]
    texts = [
        msgspec.json.encode(e).decode() if options else f"yard: car 4 entered lawn, {e.seq} inside"
        for e in events
    ]
    unsent = iter(events)

    def has_some() -> bool:
        line.welcome()
        event = next(unsent)
        for message in (make_message(), event, event):
            publish(line, message)
        return len(out.read_text().splitlines()) > 2

    with out.open("w") as file, subprocess.Popen([*command, *options], stdout=file) as client:
        wait_until(has_some, "events are printed")
        client.terminate()
    lines = out.read_text().splitlines()
    first = texts.index(lines[0])
    assert lines == texts[first : first + len(lines)]


def test_events_that_are_missing_are_counted_before_the_next(
    short_dir: Path, line: Broadcast
) -> None:
    endpoint, out, said = f"ipc://{short_dir}/pub", short_dir / "out", short_dir / "said"
    seqs = iter(range(0, 99_999, 3))  # of three events, one gets through

    def has_some() -> bool:
        line.welcome()
        publish(line, make_event(next(seqs)))
        return len(out.read_text().splitlines()) > 2

    with out.open("w") as output, said.open("w") as errors:
        command = [sys.executable, "-m", "pipeline.client", endpoint, "--events"]
        with subprocess.Popen(command, stdout=output, stderr=errors) as client:
            wait_until(has_some, "events are printed")
            client.terminate()
    rows = said.read_text().splitlines()
    assert len(rows) > 1
    assert rows == [
        f"yard: 2 events are missing here, {2 * number} so far"
        for number in range(1, len(rows) + 1)
    ]


def test_no_event_is_said_and_the_code_is_3(short_dir: Path, line: Broadcast) -> None:
    publish(line, make_status())
    publish(line, make_message())
    code, out, said = run_beside(line, f"ipc://{short_dir}/pub", "--events", "--timeout", "2")
    assert (code, out, said) == (3, "", f"ipc://{short_dir}/pub: sent no event\n")


def test_a_camera_that_there_is_not_is_named_and_the_code_is_3(
    short_dir: Path, line: Broadcast
) -> None:
    publish(line, make_status())
    publish(line, make_message())
    endpoint = f"ipc://{short_dir}/pub"
    code, out, said = run_beside(line, endpoint, "--camera", "yrd", "--timeout", "3")
    assert (code, out) == (3, "")
    assert said == f"{endpoint}: no camera 'yrd': did you mean 'yard'? there are yard\n"


def test_an_address_where_nothing_answers_is_told_once_and_the_code_is_3(short_dir: Path) -> None:
    done = run_client(f"ipc://{short_dir}/none", "--timeout", "4")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.count("nothing answers") == 1


def test_a_password_in_an_address_is_not_repeated() -> None:
    for address in ("tcp://admin:S3cret@gate", "tcp://admin:S3cret@127.0.0.1:1"):
        done = run_client(address, "--timeout", "0.5")
        assert done.returncode in (1, 3)
        assert "S3cret" not in done.stdout + done.stderr


def test_the_folder_works_where_it_is_copied_to(tmp_path: Path) -> None:
    folder = Path(command.__file__).parent
    (tmp_path / "client").mkdir()
    for path in folder.glob("*.py"):
        (tmp_path / "client" / path.name).write_text(path.read_text())
    code = "import client, sys; assert 'pipeline' not in sys.modules; print(client.__file__)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.startswith(str(tmp_path))
