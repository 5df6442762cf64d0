"""A real line against its budgets, and the budgets against the table of processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.graph import ROWS
from tests.benchmarks.budgets import BUDGETS, Budget
from tests.benchmarks.measured_line import MeasuredLine, cpu_ns, memory
from tests.benchmarks.report import Row, bench_model, describe_model, report
from tests.ports import free_port

STREET = "scene://street?seed=7&width=1280&height=720&fps=25"
SETTLED, FRAMES = 50, 250
BESIDE_THE_TABLE = {"supervisor", "fork_server"}


def test_every_process_of_the_table_has_a_budget() -> None:
    assert set(BUDGETS) == {row.name for row in ROWS} | BESIDE_THE_TABLE


@pytest.fixture
def line(tmp_path: Path) -> Iterator[MeasuredLine]:
    """Everything of the table runs in it."""
    files = {"jsonl": "out.jsonl", "video": "out.mp4", "folder": "kept"}
    recordings = [f"record.{key}={tmp_path}/{name}" for key, name in files.items()]
    web = f"web={{listen: '127.0.0.1:{free_port()}'}}"
    mqtt = f"mqtt={{broker: '127.0.0.1:{free_port()}', outbox: {{path: {tmp_path}/outbox}}}}"
    fleet = f"fleet={{server: '127.0.0.1:{free_port()}', site: a, outbox: {{path: {tmp_path}/f}}}}"
    line = MeasuredLine(
        tmp_path / "line", bench_model(), {"uri": STREET}, *recordings, web, mqtt, fleet
    )
    yield line
    line.end()


def measure(line: MeasuredLine) -> dict[str, Budget]:
    """What each process takes, by name of its stage."""
    line.receive(SETTLED)
    pids = line.pids()
    before = {name: cpu_ns(pid) for name, pid in pids.items()}
    line.receive(FRAMES)
    return {
        name.partition(".")[0]: Budget(
            (cpu_ns(pid) - before[name]) / 1e6 / FRAMES, memory(pid).rss / 1024
        )
        for name, pid in pids.items()
    }


@pytest.mark.bench
def test_no_process_takes_more_than_its_budget(line: MeasuredLine) -> None:
    taken = measure(line)
    rows: list[Row] = [
        {
            "process": name,
            "CPU ms per frame": cost.cpu_ms,
            "budget": BUDGETS[name].cpu_ms,
            "resident MiB": cost.resident_mib,
            "budget MiB": BUDGETS[name].resident_mib,
        }
        for name, cost in taken.items()
    ]
    report("budgets", f"Drawn 720p street at 25 fps, {describe_model(bench_model())}", rows)
    assert set(taken) == set(BUDGETS)
    over = {
        name: cost
        for name, cost in taken.items()
        if cost.cpu_ms > BUDGETS[name].cpu_ms or cost.resident_mib > BUDGETS[name].resident_mib
    }
    assert not over
