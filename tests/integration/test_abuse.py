"""Clients that do what they should not: neither the line nor any other client pays for it."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.client import DetectionMessage, DetectionSubscriber
from pipeline.keys import make_keys
from tests.clips import make_clip
from tests.conftest import StartLine
from tests.integration import abusers
from tests.integration.line_sources import endless
from tests.ports import free_port
from tests.recordings import assert_frames_in_order
from tests.running_line import PATIENCE_S, REPOSITORY, RunningLine

ABUSE_S = 3.0
MOST_GROWTH_KB = 64 << 10


@contextlib.contextmanager
def abuse(kind: str, port: int) -> Iterator[None]:
    command = [sys.executable, "-W", "ignore", abusers.__file__, kind, str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as abuser:
        yield
        assert abuser.poll() is None, f"{kind} has ended: {abuser.returncode}"
        abuser.kill()


def rss_kb(pid: int) -> int:
    for row in Path(f"/proc/{pid}/status").read_text().splitlines():
        if row.startswith("VmRSS"):
            return int(row.split()[1])
    raise AssertionError(f"process {pid} is gone")


def receive_for(
    subscriber: DetectionSubscriber, seconds: float, found: list[DetectionMessage]
) -> None:
    """Appends detections as they come, the repeats for newcomers left out."""
    deadline = time.monotonic() + seconds
    for message in subscriber:
        if isinstance(message, DetectionMessage) and message not in found[-1:]:
            found.append(message)
        if time.monotonic() >= deadline:
            return
    raise AssertionError(f"silence for {PATIENCE_S} s after {len(found)} messages")


@pytest.mark.parametrize("kind", abusers.KINDS)
def test_abuse_costs_no_frame_and_no_other_client_a_message(
    start_line: StartLine, tmp_path: Path, kind: str
) -> None:
    port = free_port()
    clip = make_clip(tmp_path / "clip.avi", 16)
    line = start_line(*endless(clip), "--set", f"publish.endpoint=tcp://127.0.0.1:{port}")
    with DetectionSubscriber(
        f"tcp://127.0.0.1:{port}", timeout_s=PATIENCE_S, patience_s=None
    ) as subscriber:
        receive_for(subscriber, 0.5, [])
        found: list[DetectionMessage] = []
        before_kb = rss_kb(line.pid("publish"))
        with abuse(kind, port):
            receive_for(subscriber, ABUSE_S, found)
            growth_kb = rss_kb(line.pid("publish")) - before_kb
        receive_for(subscriber, 0.5, found)
    line.process.terminate()
    assert line.wait() == 0, line.stderr
    assert_frames_in_order(line.messages())
    assert "started again" not in line.stdout, line.stderr
    assert growth_kb < MOST_GROWTH_KB
    if (
        "all are disconnected" not in line.stderr
    ):  # then others miss what is sent until they are back
        assert [m.seq for m in found] == list(range(found[0].seq, found[0].seq + len(found)))
    else:
        assert kind == "subscribe_to_everything"


CLIENT = (sys.executable, "-m", "pipeline.client")


def start_closed_line(start_line: StartLine, folder: Path, keys: Path, port: int) -> RunningLine:
    return start_line(
        *endless(make_clip(folder / "clip.avi", 16)),
        *("--set", f"publish.endpoint=tcp://127.0.0.1:{port}"),
        *("--set", f"publish.secret_key={keys}/line.key_secret"),
        *("--set", f"publish.clients={keys}/clients"),
    )


def test_a_line_with_keys_speaks_to_clients_it_knows_alone(
    start_line: StartLine, tmp_path: Path
) -> None:
    keys, port = tmp_path / "keys", free_port()
    make_keys("line", keys, keys)
    make_keys("office", keys / "clients", keys)
    make_keys("stranger", keys, keys)
    line = start_closed_line(start_line, tmp_path, keys, port)
    endpoint, line_key = f"tcp://127.0.0.1:{port}", ("--server-key", f"{keys}/line.key")
    known = [*CLIENT, endpoint, *line_key, "--key", f"{keys}/office.key_secret"]
    with subprocess.Popen(known, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as office:
        assert office.stdout is not None
        assert office.stdout.readline().startswith("cam0")
        for wrong in ((), line_key, (*line_key, "--key", f"{keys}/stranger.key_secret")):
            command = [*CLIENT, endpoint, *wrong, "--timeout", "1"]
            done = subprocess.run(command, capture_output=True, check=False, cwd=REPOSITORY)
            assert (done.returncode, done.stdout) == (3, b""), wrong  # nothing has come
            assert office.stdout.readline().startswith("cam0")
        office.kill()
    line.process.terminate()
    assert line.wait() == 0, line.stderr
    assert_frames_in_order(line.messages())
    assert line.stderr.count(f"publish.clients: no key in {keys}/clients fits 127.0.0.1") == 2


def test_a_secret_key_that_others_may_read_is_refused(
    start_line: StartLine, tmp_path: Path
) -> None:
    make_keys("line", tmp_path, tmp_path)
    (tmp_path / "line.key_secret").chmod(0o644)
    (tmp_path / "clients").mkdir()
    line = start_closed_line(start_line, tmp_path, tmp_path, free_port())
    assert line.wait() == 2
    assert "publish.secret_key: " in line.stderr
    assert f"run: chmod 600 {tmp_path}/line.key_secret" in line.stderr
