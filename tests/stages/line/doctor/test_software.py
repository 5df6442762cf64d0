"""Versions of packages, beside those that were tested."""

from importlib import metadata
from pathlib import Path

from stages.line.doctor.finding import Level
from stages.line.doctor.software import look_at_software, read_pins


def test_the_pins_of_the_project_are_read(repository: Path) -> None:
    pins = read_pins(repository / "constraints.txt")
    assert metadata.version("msgspec") in pins["msgspec"]
    assert {"opencv-python-headless", "pyyaml", "numpy"} <= set(pins)


def test_other_versions_than_the_tested_are_named(tmp_path: Path) -> None:
    pins = tmp_path / "constraints.txt"
    pins.write_text("# tested\nPyZMQ==0.0.1\nnumpy==1.0 ; python_version < '3.12'\nnumpy==1.1\n")
    _, packages = look_at_software(pins)
    assert packages.level is Level.NOTE
    assert f"pyzmq {metadata.version('pyzmq')} (0.0.1)" in packages.value
    assert f"numpy {metadata.version('numpy')} (1.0 or 1.1)" in packages.value


def test_without_a_list_all_is_as_tested(tmp_path: Path) -> None:
    _, packages = look_at_software(tmp_path / "none.txt")
    assert (packages.value, packages.level) == ("as tested", Level.OK)
