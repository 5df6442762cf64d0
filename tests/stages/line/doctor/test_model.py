"""The model of a configuration, as the doctor tells of it."""

from pathlib import Path

import pytest

from stages.config import SHIPPED_MODEL, AutoConfig, LineConfig, SourceConfig
from stages.line.doctor.finding import Level
from stages.line.doctor.model import look_at_model
from tests.running_line import REPOSITORY

STREET = SourceConfig(uri="scene://street")


def test_a_named_model_is_described(tiny_model: Path) -> None:
    (found,) = look_at_model(LineConfig(sources=(STREET,), model=SHIPPED_MODEL))
    assert found.level is Level.OK
    assert "thundernet-snet49: 11 classes at 320x320, AP" in found.value
    (tiny,) = look_at_model(LineConfig(sources=(STREET,), model=str(tiny_model)))
    assert tiny.value == "tiny: 3 classes at 64x64"
    (absent,) = look_at_model(LineConfig(sources=(STREET,), model="/absent.onnx"))
    assert absent.level is Level.PROBLEM
    assert "/absent.onnx" in absent.value
    broken = REPOSITORY / "tests/golden/nan_boxes.onnx"  # with a good card
    (nan,) = look_at_model(LineConfig(sources=(STREET,), model=str(broken)))
    assert nan.level is Level.PROBLEM
    assert "fails on a black frame" in nan.value


def test_auto_is_decided_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    models = (SHIPPED_MODEL, f"{SHIPPED_MODEL}-int8")

    def look(at_most_ms: float) -> tuple[str, Level]:
        auto = AutoConfig(models=models, at_most_ms=at_most_ms)
        (found,) = look_at_model(LineConfig(sources=(STREET,), model="auto", auto=auto))
        return found.value, found.level

    value, level = look(1e6)  # on this machine, measured
    assert level is Level.OK
    assert f"{SHIPPED_MODEL}.onnx AP" in value
    assert "measured now" in value
    value, level = look(1e-6)
    assert level is Level.NOTE
    assert "none takes at most 1e-06 ms" in value


def test_files_that_cannot_be_compared_are_a_problem(tiny_model: Path) -> None:
    auto = AutoConfig(models=(SHIPPED_MODEL, str(tiny_model)))
    (found,) = look_at_model(LineConfig(sources=(STREET,), model="auto", auto=auto))
    assert found.level is Level.PROBLEM
    assert "tiny.onnx without" in found.value
