"""The unit that is written is one that systemd takes."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stages.line import systemd_unit
from stages.line.systemd_unit import UnitError, make_unit, parse_credential
from tests.running_line import REPOSITORY

ODD = Path('/etc/thunderline/a "gate", 50% $HOME;\\.yaml')


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
@pytest.mark.parametrize("config", [Path("/etc/thunderline/gate.yaml"), ODD], ids=["plain", "odd"])
def test_systemd_finds_no_fault_in_it(tmp_path: Path, config: Path) -> None:
    unit = tmp_path / "thunderline.service"
    password = tmp_path / "50% of it"
    password.touch()
    credential = parse_credential(f"gate:{password}")
    unit.write_text(make_unit(Path(sys.executable), config, [credential]))
    ended = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_finds_no_fault_in_the_unit_of_the_camera(tmp_path: Path) -> None:
    text = (REPOSITORY / "configs/systemd/thunderline-camera.service").read_text()
    assert "/usr/bin/rpicam-vid " in text
    unit = tmp_path / "thunderline-camera.service"
    unit.write_text(text.replace("/usr/bin/rpicam-vid ", "/bin/true "))  # on boards only
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


def test_a_second_service_has_folders_of_its_own() -> None:
    """`DynamicUser=` makes a user of each unit's name, and gives it the folders that it names."""
    unit = make_unit(Path("/opt/thunderline"), Path("/etc/gate.yaml"))
    places = re.findall(r"^(?:\w+Directory|Environment)=(.*)$", unit, re.M)
    assert len(places) == 4
    assert all("%N" in word for place in places for word in place.split())


def test_credentials_are_loaded_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "50%").touch()
    credential = parse_credential(f"gate:{tmp_path}/50%")
    unit = make_unit(Path("/opt/thunderline"), Path("/etc/gate.yaml"), [credential])
    assert f"\nLoadCredential=gate:{tmp_path}/50%%\n" in unit
    assert "LoadCredential" not in make_unit(Path("/opt/thunderline"), Path("/etc/gate.yaml"))


def test_the_unit_is_printed_as_it_would_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("gate.yaml", "password", "thunderline"):
        (tmp_path / name).touch()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    credential = f"gate:{tmp_path}/password"
    options = ["--config", f"{tmp_path}/gate.yaml", "--credential", credential, "--print"]
    assert systemd_unit.main(options) == 0
    unit = make_unit(tmp_path / "thunderline", tmp_path / "gate.yaml", [
        parse_credential(credential)
    ])  # fmt: skip
    assert capsys.readouterr().out == unit


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gate", "--credential: expected NAME:PATH, got 'gate'"),
        ("a b:/etc/passwd", "--credential: expected NAME:PATH, got 'a b:/etc/passwd'"),
        ("gate:/none", "--credential gate: expected a file, got '/none'"),
    ],
)
def test_a_credential_that_is_none_is_refused(text: str, said: str) -> None:
    with pytest.raises(UnitError) as refused:
        parse_credential(text)
    assert str(refused.value) == said


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


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "two words", "a/b", "%n"])
def test_a_name_that_is_none_of_a_unit_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (tmp_path / "gate.yaml").touch()
    assert systemd_unit.main(["--config", str(tmp_path / "gate.yaml"), "--name", name]) == 2
    assert f"--name: expected letters, digits and _ . -, got '{name}'" in capsys.readouterr().err
