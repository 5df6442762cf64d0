"""What the stage on emulated ARM installs; the stage itself is `make test-arm`."""

from pathlib import Path

from tests.arm import TESTS, find_pins, make_python
from tests.running_line import REPOSITORY


def test_its_tests_are_there_and_its_versions_those_of_its_python() -> None:
    assert all((REPOSITORY / name).is_file() for name in TESTS)
    pins = find_pins()
    assert any(pin.startswith("numpy==") for pin in pins)
    assert len(pins) == len({pin.partition("==")[0] for pin in pins})


def test_a_script_stands_for_python(tmp_path: Path) -> None:
    python = make_python(tmp_path, tmp_path / "a root", "cortex-a76")
    assert python.stat().st_mode & 0o111
    assert f'-cpu cortex-a76 -L "{tmp_path}/a root"' in python.read_text()
