"""Readings of a board, from trees of files as Linux has them, and of this machine."""

import os
from pathlib import Path

import pytest

from pipeline.memory.ledger import Ledger
from pipeline.memory.run_dir import RunDir
from stages.line.doctor.board import look_at_board
from stages.line.doctor.finding import Finding, Level
from tests.stages.line.doctor.test_processor import write


def look(root: Path, shm: Path) -> dict[str, Finding]:
    return {finding.what: finding for finding in look_at_board(root, shm)}


def test_this_machine_is_read_without_an_error() -> None:
    found = {finding.what: finding for finding in look_at_board()}
    assert {"shared memory", "memory", "clock", "other lines"} <= set(found)
    assert found["clock"].value in ("synchronized", "not synchronized")


@pytest.mark.parametrize(("degrees", "level"), [(52_300, Level.OK), (84_000, Level.PROBLEM)])
def test_heat_is_a_problem_from_eighty_degrees_on(
    tmp_path: Path, degrees: int, level: Level
) -> None:
    zone = "sys/class/thermal/thermal_zone0"
    write(tmp_path, {f"{zone}/temp": degrees, f"{zone}/type": "cpu-thermal"})
    temperature = look(tmp_path, tmp_path)["temperature"]
    assert temperature.level is level
    assert temperature.value == f"{degrees / 1000:.0f} °C (cpu-thermal)"


@pytest.mark.parametrize(
    ("bits", "level"), [("0x0", Level.OK), ("0x50000", Level.OK), ("0x50005", Level.PROBLEM)]
)
def test_a_raspberry_pi_that_is_throttled_now_says_so(
    tmp_path: Path, bits: str, level: Level
) -> None:
    write(tmp_path, {"sys/devices/platform/soc/soc:firmware/get_throttled": bits})
    assert look(tmp_path, tmp_path)["throttled"].level is level


def test_a_quota_stops_all_processes_together(tmp_path: Path) -> None:
    write(tmp_path, {"sys/fs/cgroup/cpu.max": "150000 100000"})
    assert look(tmp_path, tmp_path)["quota"].value == "1.5 cores"


@pytest.mark.parametrize("content", ["max 100000", "", "odd", "1 0"])
def test_no_quota_is_not_mentioned(tmp_path: Path, content: str) -> None:
    write(tmp_path, {"sys/fs/cgroup/cpu.max": content})
    assert "quota" not in look(tmp_path, tmp_path)


@pytest.mark.parametrize(("kib", "level"), [(4_000_000, Level.OK), (300_000, Level.NOTE)])
def test_little_memory_is_noted(tmp_path: Path, kib: int, level: Level) -> None:
    write(tmp_path, {"proc/meminfo": f"MemTotal: 8000000 kB\nMemAvailable:   {kib} kB"})
    assert look(tmp_path, tmp_path)["memory"].level is level


def test_missing_shared_memory_is_a_problem(tmp_path: Path) -> None:
    assert look(tmp_path, tmp_path / "none")["shared memory"].level is Level.PROBLEM


def test_lines_that_run_are_counted(tmp_path: Path) -> None:
    assert look(tmp_path, tmp_path)["other lines"].value == "none"
    run = RunDir(tmp_path)
    try:
        assert look(tmp_path, tmp_path)["other lines"].value == "1 run"
    finally:
        run.remove()


def test_the_cores_of_lines_that_run_are_told(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    try:
        ledger = Ledger.create(run.path, 1, 2)
        ledger.heartbeat(0, 1.0).start(os.getpid())  # the other process has not begun
        found = look(tmp_path, tmp_path)["other lines"]
        cores = sorted(os.sched_getaffinity(0))
        noun = "cores" if len(cores) > 1 else "core"
        assert found.value == f"1 run, on {noun} {', '.join(map(str, cores))}"
        assert found.level is Level.NOTE
        (run.path / "ledger").write_bytes(b"")  # as it is while it is made
        assert look(tmp_path, tmp_path)["other lines"].value == "1 run"
    finally:
        run.remove()
