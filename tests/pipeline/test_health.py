"""What a health check is told of the lines of a machine."""

from pathlib import Path

import pytest

from pipeline.health import main
from pipeline.memory.run_dir import RunDir
from pipeline.memory.vital_sign import VitalSign


def ask(root: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = main([], root)
    return code, capsys.readouterr().out


def test_a_line_is_well_while_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask(tmp_path, capsys) == (1, "no line runs\n")
    run = RunDir(tmp_path)
    code, said = ask(tmp_path, capsys)
    assert (code, said.endswith(": not ready yet\n")) == (1, True)
    sign = VitalSign(run.path)
    sign.renew()
    code, said = ask(tmp_path, capsys)
    assert (code, said.endswith(": well\n")) == (0, True)
    monkeypatch.setattr("pipeline.health._LATE_S", 0.0)
    code, said = ask(tmp_path, capsys)
    assert (code, said.endswith(": not well for 0 s\n")) == (1, True)
    sign.close()
    run.remove()


def test_all_lines_have_to_be_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    well, other = RunDir(tmp_path), RunDir(tmp_path)
    sign = VitalSign(well.path)
    sign.renew()
    code, said = ask(tmp_path, capsys)
    assert (code, said.count("\n")) == (1, 2)
    sign.close()
    for run in (well, other):
        run.remove()
