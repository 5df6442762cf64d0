"""What the kernel tells: of this process, and of boards whose files are laid out here."""

import os
from pathlib import Path

import pytest

from stages.services.machine import Temperature, read_temperatures, read_throttled, read_use


def test_a_process_has_used_time_and_memory() -> None:
    before = read_use(os.getpid())
    assert before is not None
    assert before.memory_mib > 5
    until = before.cpu_s + 0.05
    while (use := read_use(os.getpid())) is not None and use.cpu_s < until:
        pass
    assert use is not None
    assert use.began == before.began


def test_what_is_no_process_has_used_nothing() -> None:
    assert read_use(0) is None
    assert read_use(2**22 + 1) is None  # above the highest number of a process


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_sensors_that_can_be_read_are_told(tmp_path: Path) -> None:
    thermal = tmp_path / "class/thermal"
    write(thermal / "thermal_zone0/temp", "48312\n")
    write(thermal / "thermal_zone0/type", "cpu-thermal\n")
    write(thermal / "thermal_zone1/temp", "N/A\n")
    write(thermal / "thermal_zone1/type", "gpu-thermal\n")
    assert read_temperatures(tmp_path) == (Temperature("cpu-thermal", 48.312),)
    assert read_temperatures(tmp_path / "nothing") == ()


@pytest.mark.parametrize(
    ("bits", "throttled"), [("0\n", False), ("50005\n", True), ("50000\n", False), ("4", True)]
)
def test_a_raspberry_pi_tells_whether_it_is_throttled_now(
    tmp_path: Path, bits: str, throttled: bool
) -> None:
    write(tmp_path / "devices/platform/soc/soc:firmware/get_throttled", bits)
    assert read_throttled(tmp_path) is throttled


def test_elsewhere_a_cooling_device_of_the_processor_tells_it(tmp_path: Path) -> None:
    assert read_throttled(tmp_path) is None
    thermal = tmp_path / "class/thermal"
    write(thermal / "cooling_device0/type", "pwm-fan\n")
    write(thermal / "cooling_device0/cur_state", "3\n")
    assert read_throttled(tmp_path) is None, "a fan slows nothing down"
    write(thermal / "cooling_device1/type", "cpufreq-cpu0\n")
    write(thermal / "cooling_device1/cur_state", "0\n")
    assert read_throttled(tmp_path) is False
    write(thermal / "cooling_device1/cur_state", "2\n")
    assert read_throttled(tmp_path) is True
