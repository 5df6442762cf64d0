"""The command: interrupted, it tells of what it saw, and goes on from there."""

import signal
import subprocess
import sys
from pathlib import Path

from tests.faults.barrage import Barrage
from tests.faults.line_under_fire import KILLED
from tests.running_line import REPOSITORY, wait_until


def start(folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.faults.soak", "--kills", "1", "--out", str(folder)]
    return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE)


def wait_for_end(campaign: subprocess.Popen[bytes], table: Path) -> None:
    """A campaign takes as long as its lines do."""
    wait_until(lambda: campaign.poll() is not None, "it ends", progress=table.read_bytes)
    assert campaign.returncode == 0


def test_an_interrupted_campaign_goes_on_where_it_was(tmp_path: Path) -> None:
    table = tmp_path / "faults.csv"
    with start(tmp_path) as first:
        wait_until(
            lambda: table.exists() and table.read_bytes().count(b"\n") > 2, "two kills are survived"
        )
        first.send_signal(signal.SIGINT)
        wait_for_end(first, table)
    seen = Barrage(tmp_path).outcomes.rows
    assert 2 <= len(seen) < len(KILLED)
    assert "None was broken." in (tmp_path / "report.html").read_text()
    with start(tmp_path) as second:
        wait_for_end(second, table)
    outcomes = Barrage(tmp_path).outcomes.rows
    assert outcomes[: len(seen)] == seen
    assert sorted(o.what for o in outcomes) == sorted(f"kill process={p}" for p in KILLED)
    assert len(Barrage(tmp_path).verdicts.rows) == 2
