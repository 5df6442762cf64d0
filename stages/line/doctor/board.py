"""The board: heat, memory, what a container grants, the clock, and other lines."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from pipeline.memory.ledger import LedgerReader
from pipeline.memory.run_dir import living_runs
from pipeline.realtime import available_cores
from stages.line.doctor.clock import look_at_own_clock
from stages.line.doctor.finding import Finding, Level
from stages.line.doctor.processor import read_text
from stages.services.machine import read_temperatures, read_throttled

_MIB = 1 << 20
_LEAST_SHM_MIB = 128  # two cameras of 1080p with the usual eight slots, and what a run needs beside
_LEAST_MEMORY_MIB = 512
_HOT_CELSIUS = 80.0  # a Raspberry Pi slows down from there on


def look_at_board(root: Path = Path("/"), shm: Path = Path("/dev/shm")) -> Iterator[Finding]:
    """Temperature, shared memory, memory, quota, clock, other lines."""
    yield from _heat(root / "sys")
    yield _shared_memory(shm)
    yield from _memory(root / "proc/meminfo")
    yield from _quota(root / "sys/fs/cgroup")
    yield look_at_own_clock()
    yield _other_lines(shm)


def _heat(sys: Path) -> Iterator[Finding]:
    temperatures = read_temperatures(sys)
    if temperatures:
        hottest = max(temperatures, key=lambda each: each.celsius)
        value = f"{hottest.celsius:.0f} °C ({hottest.name})"
        if hottest.celsius >= _HOT_CELSIUS:
            yield Finding("temperature", value, Level.PROBLEM, "cool it: it slows down when hot")
        else:
            yield Finding("temperature", value)
    if (throttled := read_throttled(sys)) is not None:
        if throttled:
            yield Finding("throttled", "yes, now", Level.PROBLEM,
                          "heat or a weak power supply slows the cores down")  # fmt: skip
        else:
            yield Finding("throttled", "no")


def _shared_memory(shm: Path) -> Finding:
    try:
        usage = shutil.disk_usage(shm)
    except OSError as error:
        return Finding("shared memory", f"{shm}: {error.strerror}", Level.PROBLEM,
                       "frames lie there; in a container: --tmpfs /dev/shm")  # fmt: skip
    value = f"{usage.free // _MIB} of {usage.total // _MIB} MiB free at {shm}"
    if usage.free < _LEAST_SHM_MIB * _MIB:
        return Finding("shared memory", value, Level.PROBLEM,
                       "frames lie there; in a container: --shm-size=256m")  # fmt: skip
    return Finding("shared memory", value)


def _memory(meminfo: Path) -> Iterator[Finding]:
    for line in read_text(meminfo).splitlines():
        if line.startswith("MemAvailable:"):
            mib = int(line.split()[1]) // 1024
            if mib < _LEAST_MEMORY_MIB:
                yield Finding("memory", f"{mib} MiB available", Level.NOTE,
                              "a line with one camera takes about 200 MiB")  # fmt: skip
            else:
                yield Finding("memory", f"{mib} MiB available")


def _quota(cgroup: Path) -> Iterator[Finding]:
    """Processor time that a container may take; a line that is stopped by it has old results."""
    quota, _, period = read_text(cgroup / "cpu.max").partition(" ")
    if quota.isdecimal() and period.isdecimal() and int(period):
        yield Finding("quota", f"{int(quota) / int(period):g} cores", Level.NOTE,
                      "all processes are stopped together when it is used up: give whole cores "
                      "(--cpuset-cpus) instead")  # fmt: skip


def _other_lines(shm: Path) -> Finding:
    """Lines that run, and which of the cores here their processes are pinned to."""
    runs = living_runs(shm)
    if not runs:
        return Finding("other lines", "none")
    taken = set[int]().union(*map(_cores_of, runs)) & set(available_cores())
    if not taken:  # or those of another user, of whom nothing is told
        return Finding("other lines", f"{len(runs)} run", Level.NOTE,
                       "lines take the same cores unless `cores` says otherwise")  # fmt: skip
    where = ("core " if len(taken) == 1 else "cores ") + ", ".join(map(str, sorted(taken)))
    return Finding("other lines", f"{len(runs)} run, on {where}", Level.NOTE,
                   "a line takes the same cores unless its `cores` says otherwise")  # fmt: skip


def _cores_of(run_dir: Path) -> set[int]:
    """Of the processes of a run; none where it does not let itself be read, or ends."""
    cores = set[int]()
    with contextlib.suppress(OSError, ValueError):
        ledger = LedgerReader.attach(run_dir)
        for index in range(ledger.process_count):
            if pid := ledger.process(index).pid:
                with contextlib.suppress(ProcessLookupError):
                    cores |= os.sched_getaffinity(pid)
    return cores
