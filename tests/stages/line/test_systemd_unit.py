"""The unit that is written is one that systemd takes."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stages.line import systemd_unit
from stages.line.systemd_unit import UnitError, make_unit

ODD = Path('/etc/thunderline/a "gate", 50% $HOME;\\.yaml')


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
@pytest.mark.parametrize("config", [Path("/etc/thunderline/gate.yaml"), ODD], ids=["plain", "odd"])
def test_systemd_finds_no_fault_in_it(tmp_path: Path, config: Path) -> None:
    unit = tmp_path / "thunderline.service"
    unit.write_text(make_unit(Path(sys.executable), config))
    ended = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")


def test_paths_are_single_words() -> None:
    (start,) = (
        line for line in make_unit(Path("/opt/thunderline"), ODD).splitlines()
        if line.startswith("ExecStart=")
    )  # fmt: skip
    assert start == (
        "ExecStart=/opt/thunderline run "
        r'"/etc/thunderline/a \"gate\", 50%% $$HOME;\\.yaml"'
    )


def test_a_path_of_two_lines_is_refused() -> None:
    with pytest.raises(UnitError, match="expected a path without control characters"):
        make_unit(Path("/opt/thunderline"), Path("/etc/a\nExecStart=b"))


def test_the_command_writes_the_unit_and_says_what_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "gate.yaml"
    config.touch()
    command = tmp_path / "bin/thunderline"
    command.parent.mkdir()
    command.touch(mode=0o755)
    monkeypatch.setattr(systemd_unit, "UNITS", tmp_path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin/python"))
    assert systemd_unit.main(["--config", str(config), "--name", "gate"]) == 0
    unit = (tmp_path / "gate.service").read_text()
    assert f"ExecStart={command} run {config}\n" in unit
    assert "@" not in unit.replace("@system-service", "")
    assert "systemctl enable --now gate.service" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("units", "config", "said"),
    [
        ("units", "none.yaml", "none.yaml: expected a file"),
        ("none", "gate.yaml", "expected to be root"),
    ],
)
def test_what_is_missing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    units: str, config: str, said: str,
) -> None:  # fmt: skip
    (tmp_path / "units").mkdir()
    (tmp_path / "gate.yaml").touch()
    (tmp_path / "thunderline").touch(mode=0o755)
    monkeypatch.setattr(systemd_unit, "UNITS", tmp_path / units)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert systemd_unit.main(["--config", str(tmp_path / config)]) == 2
    assert said in capsys.readouterr().err
