"""Readings of a processor, from trees of files as Linux has them."""

from pathlib import Path

import pytest

from stages.line.doctor import processor
from stages.line.doctor.finding import Finding, Level
from stages.line.doctor.processor import look_at_processor

CORES = (0, 1, 2, 3)


@pytest.fixture(autouse=True)
def _four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "available_cores", lambda: CORES)
    monkeypatch.setattr("os.cpu_count", lambda: len(CORES))


def write(root: Path, files: dict[str, object]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n")
    return root


def cpus(name: str, *values: object) -> dict[str, object]:
    return {f"sys/devices/system/cpu/cpu{core}/{name}": v for core, v in enumerate(values)}


def look(root: Path) -> dict[str, Finding]:
    return {finding.what: finding for finding in look_at_processor(root)}


def test_a_machine_that_tells_nothing_has_cores_and_pages(tmp_path: Path) -> None:
    found = look(tmp_path)
    assert set(found) == {"cores", "instructions", "page size"}
    assert found["cores"] == Finding("cores", "0, 1, 2, 3")
    assert found["instructions"].value == "unknown"


def test_cores_of_two_speeds_are_named_by_cluster(tmp_path: Path) -> None:
    write(tmp_path, cpus("cpu_capacity", 414, 414, 1024, 1024))
    clusters = look(tmp_path)["clusters"]
    assert clusters.value == "big: 2, 3; smaller: 0, 1"
    assert "cores: {detect: [2, 3]}" in clusters.advice


def test_cores_of_one_speed_are_no_clusters(tmp_path: Path) -> None:
    write(tmp_path, cpus("cpufreq/cpuinfo_max_freq", *[2_400_000] * 4))
    assert "clusters" not in look(tmp_path)


@pytest.mark.parametrize(
    ("governor", "driver", "level"),
    [
        ("ondemand", "cpufreq-dt", Level.OK),
        ("powersave", "cpufreq-dt", Level.PROBLEM),
        ("powersave", "intel_pstate", Level.OK),  # there it is as quick as the others
    ],
)
def test_a_governor_that_keeps_cores_slow_is_a_problem(
    tmp_path: Path, governor: str, driver: str, level: Level
) -> None:
    write(tmp_path, cpus("cpufreq/scaling_governor", *[governor] * 4))
    write(tmp_path, cpus("cpufreq/scaling_driver", *[driver] * 4))
    assert look(tmp_path)["governor"].level is level


def test_a_frequency_below_the_highest_is_said_once(tmp_path: Path) -> None:
    write(tmp_path, cpus("cpufreq/cpuinfo_max_freq", *[2_400_000] * 4))
    write(tmp_path, cpus("cpufreq/scaling_max_freq", 2_400_000, 1_500_000, 1_500_000, 2_400_000))
    assert look(tmp_path)["frequency limit"].value == "core 1: 1500 of 2400 MHz"


@pytest.mark.parametrize(
    ("line", "level", "named"),
    [
        ("Features\t: fp asimd evtstrm aes crc32 asimddp", Level.OK, "asimddp"),
        ("Features\t: fp asimd evtstrm crc32", Level.NOTE, "none"),
        ("flags\t\t: fpu sse2 avx2 fma", Level.NOTE, "avx2"),
        ("flags\t\t: fpu avx2 avx512f avx512_vnni", Level.OK, "avx512_vnni"),
    ],
)
def test_instructions_that_models_gain_by_are_named(
    tmp_path: Path, line: str, level: Level, named: str
) -> None:
    instructions = look(write(tmp_path, {"proc/cpuinfo": line}))["instructions"]
    assert instructions.level is level
    assert named in instructions.value


def test_cores_that_are_kept_away_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    assert look(tmp_path)["cores"].value == "0, 1, 2, 3 of 8"
