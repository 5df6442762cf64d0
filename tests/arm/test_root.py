"""What the stage on emulated ARM installs; the stage itself is `make test-arm`."""

from pathlib import Path

from tests.arm.root import find_pins, make_board, make_python


def test_versions_are_those_of_its_python() -> None:
    pins = find_pins()
    assert any(pin.startswith("numpy==") for pin in pins)
    assert len(pins) == len({pin.partition("==")[0] for pin in pins})


def test_a_script_stands_for_python(tmp_path: Path) -> None:
    python = make_python(tmp_path, tmp_path / "a root", "cortex-a76")
    assert python.stat().st_mode & 0o111
    assert f'-cpu cortex-a76 -L "{tmp_path}/a root"' in python.read_text()


def test_a_board_is_told_of_in_place_of_this_machine(tmp_path: Path) -> None:
    make_board(tmp_path, "cortex-a76", 2)
    cpuinfo = (tmp_path / "proc/cpuinfo").read_text()
    assert cpuinfo.count("CPU part\t: 0xd0b\n") == 2
    cores = tmp_path / "sys/devices/system/cpu"
    assert (cores / "possible").read_text() == "0-1\n"
    assert (cores / "cpu1/topology/cluster_cpus_list").read_text() == "0-1\n"
