"""What a line needs before and beside its frames: time to start, memory, space on the disk."""

import os
import re
from collections import defaultdict
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement

from tests.benchmarks.measured_line import MeasuredLine, memory
from tests.benchmarks.report import Row, bench_model, describe_model, report

pytestmark = pytest.mark.bench

STARTS = 5
MIB_KB = 1024


def start_once(folder: Path, source: Path) -> dict[str, float]:
    """Milliseconds from the start of the program until each process is ready, and the first
    message is here."""
    line = MeasuredLine(folder, bench_model(), {"uri": str(source)})
    try:
        first = line.receive(1)[0]
        ready_ns = line.ledger().ready_ns()
    finally:
        line.end()
    published_ns = first.captured_mono_ns + first.stage_ns["publish"]
    moments = ready_ns | {"first message": published_ns}
    return {name: (moment - line.start_ns) / 1e6 for name, moment in moments.items()}


def test_start_table(clip: Path, tmp_path: Path) -> None:
    starts = [start_once(tmp_path / str(i), clip) for i in range(STARTS)]
    rows: list[Row] = [
        {
            "ready after ms": name,
            "median": float(np.median([start[name] for start in starts])),
            "best": min(start[name] for start in starts),
        }
        for name in starts[0]
    ]
    title = f"From the start of the program, {STARTS} starts, {describe_model(bench_model())}"
    report("start", title, rows)


def test_memory_table(clip: Path, tmp_path: Path) -> None:
    line = MeasuredLine(tmp_path / "line", bench_model(), {"uri": str(clip), "loop": True})
    try:
        line.receive(100)
        held = {name: memory(pid) for name, pid in line.pids().items()}
        run_dir = sum(f.stat().st_blocks for f in line.process.run_dir().rglob("*")) // 2  # kB
    finally:
        line.end()
    rows: list[Row] = [
        {
            "MiB": name,
            "own": m.own / MIB_KB,
            "libraries, share": m.files_pss / MIB_KB,
            "resident": m.rss / MIB_KB,
        }
        for name, m in held.items()
    ]
    own, pss, rss = (
        sum(values)
        for values in zip(*((m.own, m.files_pss, m.rss) for m in held.values()), strict=True)
    )
    rows.append({"MiB": "sum", "own": own / MIB_KB, "libraries, share": pss / MIB_KB,
                 "resident": rss / MIB_KB})  # fmt: skip
    libraries: dict[str, int] = defaultdict(int)
    for m in held.values():
        for path, kilobytes in m.files.items():
            libraries[path] = max(libraries[path], kilobytes)
    once = own + sum(libraries.values()) + run_dir
    notes = [
        f"rings, ledger and sockets in shared memory: {run_dir / MIB_KB:.1f} MiB",
        f"own, share and shared memory: {(own + pss + run_dir) / MIB_KB:.1f} MiB",
        f"with every library counted once: {once / MIB_KB:.1f} MiB, of it libraries "
        f"{sum(libraries.values()) / MIB_KB:.1f} MiB; their share is smaller while other programs "
        "of the machine have them too",
    ]
    title = f"Memory of a line with one 720p camera, {describe_model(bench_model())}"
    report("memory", title, rows, notes)


def installed(distribution: metadata.Distribution) -> int:
    """Bytes of a distribution on the disk, compiled Python included."""
    paths = {Path(str(file.locate())).resolve() for file in distribution.files or ()}
    return sum(path.stat().st_blocks * 512 for path in paths if path.is_file())


def runtime_distributions() -> dict[str, str]:
    """Everything that `pip install .` brings, with what asks for it."""
    found: dict[str, str] = {}
    wanted = [("thunderline", "")]
    while wanted:
        name, reason = wanted.pop()
        if name in found:
            continue
        found[name] = reason
        for text in metadata.requires(name) or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                needed = re.sub(r"[-_.]+", "-", requirement.name).lower()
                wanted.append((needed, name))
    return found


def test_installed_size_table(repository: Path) -> None:
    reasons = runtime_distributions()
    sizes = {n: installed(metadata.distribution(n)) for n in reasons if n != "thunderline"}
    own = [f for folder in ("pipeline", "stages") for f in (repository / folder).rglob("*.py")]
    sizes["thunderline"] = sum(path.stat().st_blocks * 512 for path in own)
    sizes["its model"] = bench_model().stat().st_size
    rows: list[Row] = [
        {"MiB": name, "on disk": size / 2**20, "asked for by": reasons.get(name) or "-"}
        for name, size in sorted(sizes.items(), key=lambda item: -item[1])
    ]
    rows.append({"MiB": "sum", "on disk": sum(sizes.values()) / 2**20, "asked for by": "-"})
    notes = [f"{len(reasons)} distributions; sizes are those of this environment's files",
             f"architecture: {os.uname().machine}"]  # fmt: skip
    report("installed", "What a line needs installed", rows, notes)
