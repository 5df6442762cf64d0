"""The processor: its cores and clusters, how fast they may run, and what they can compute."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.realtime import available_cores
from stages.line.doctor.finding import Finding, Level

_CPUS = "devices/system/cpu"
# Instructions that ONNX Runtime's kernels for 8 bits and for float use, as Linux names them.
_FEATURES = {
    "asimddp": "dot products of 8 bits", "i8mm": "matrix products of 8 bits",
    "sve": "SVE", "avx2": "AVX2", "avx512f": "AVX-512", "avx512_vnni": "dot products of 8 bits",
    "avx_vnni": "dot products of 8 bits", "amx_int8": "AMX",
}  # fmt: skip
_FAST = ("asimddp", "i8mm", "avx512_vnni", "avx_vnni", "amx_int8")


def look_at_processor(root: Path = Path("/")) -> Iterator[Finding]:
    """Cores, clusters, governor, limits, features and page size."""
    cores = available_cores()
    yield _cores(cores, os.cpu_count() or len(cores))
    yield from _clusters(root / "sys", cores)
    yield from _governor(root / "sys", cores)
    yield from _limits(root / "sys", cores)
    yield _features(root / "proc/cpuinfo")
    yield Finding("page size", f"{os.sysconf('SC_PAGESIZE') // 1024} KiB")


def _cores(usable: Sequence[int], there: int) -> Finding:
    names = ", ".join(map(str, usable))
    if len(usable) < there:
        return Finding("cores", f"{names} of {there}", Level.NOTE,
                       "the others are kept away by taskset, a cpuset or a container")  # fmt: skip
    if len(usable) < 4:
        return Finding("cores", names, Level.NOTE, "stages share cores: results are older")
    return Finding("cores", names)


def _clusters(sys: Path, cores: Sequence[int]) -> Iterator[Finding]:
    """Cores that differ, as in big.LITTLE: `detect` belongs on a big one."""
    groups = cluster_cores(sys, cores)
    if len(groups) < 2:
        return
    value = "; ".join(
        f"{'big' if number == 0 else 'smaller'}: {', '.join(map(str, group))}"
        for number, group in enumerate(groups)
    )
    yield Finding("clusters", value, Level.NOTE, f"cores: {{detect: {groups[0]}}} puts the "
                  "network on big cores")  # fmt: skip


def cluster_cores(sys: Path, cores: Sequence[int]) -> list[list[int]]:
    """The cores by how fast they are, as far as the kernel tells; the fastest come first."""
    speeds = {core: _speed(sys / _CPUS / f"cpu{core}") for core in cores}
    known = sorted(set(speeds.values()), reverse=True)
    return [[core for core in cores if speeds[core] == speed] for speed in known]


def _speed(cpu: Path) -> int:
    """A number that grows with it; 0 where nothing is told."""
    for name in ("cpu_capacity", "cpufreq/cpuinfo_max_freq"):
        if (value := read_int(cpu / name)) is not None:
            return value
    return 0


def _governor(sys: Path, cores: Sequence[int]) -> Iterator[Finding]:
    found = {read_text(sys / _CPUS / f"cpu{core}/cpufreq/scaling_governor") for core in cores}
    governors = sorted(found - {""})
    if not governors:
        return
    slow = [name for name in governors if name in ("powersave", "conservative")]
    driver = read_text(sys / _CPUS / f"cpu{cores[0]}/cpufreq/scaling_driver")
    if slow and not driver.startswith(("intel_pstate", "amd-pstate")):  # there it is no limit
        yield Finding("governor", ", ".join(governors), Level.PROBLEM,
                      "cores stay slow: cpupower frequency-set --governor schedutil")  # fmt: skip
    else:
        yield Finding("governor", ", ".join(governors))


def _limits(sys: Path, cores: Sequence[int]) -> Iterator[Finding]:
    for core in cores:
        folder = sys / _CPUS / f"cpu{core}/cpufreq"
        most, allowed = read_int(folder / "cpuinfo_max_freq"), read_int(folder / "scaling_max_freq")
        if most and allowed and allowed < most:
            yield Finding(
                "frequency limit", f"core {core}: {allowed // 1000} of {most // 1000} MHz",
                Level.NOTE, "set by heat, the power supply or scaling_max_freq",
            )  # fmt: skip
            return


def _features(cpuinfo: Path) -> Finding:
    match = re.search(r"^(?:flags|Features)\s*:(.*)$", read_text(cpuinfo), re.M)
    flags = set(match[1].split()) if match else set[str]()
    named = [f"{flag} ({what})" for flag, what in _FEATURES.items() if flag in flags]
    if flags and not flags & set(_FAST):
        advice = "models in 8 bits gain little here; model: auto measures it"
        return Finding("instructions", ", ".join(named) or "none", Level.NOTE, advice)
    return Finding("instructions", ", ".join(named) or "unknown")


def read_text(path: Path) -> str:
    """What a file of the kernel holds; nothing where it is not there."""
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def read_int(path: Path) -> int | None:
    try:
        return int(read_text(path))
    except ValueError:
        return None
