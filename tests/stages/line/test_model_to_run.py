"""Which file the processes of a line are given."""

from pathlib import Path

import pytest

from pipeline.errors import LineError
from stages.config import SHIPPED_MODEL, AutoConfig, DetectConfig, LineConfig, SourceConfig
from stages.line import model_to_run
from stages.line.line import Line
from stages.line.model_to_run import find_model_file
from stages.model.model_choice import Choice
from stages.model.model_file import ModelFileError
from stages.model.zoo import shipped_path
from tests.log_lines import hear

STREET = SourceConfig(uri="scene://street?seed=7")


def test_auto_gives_the_chosen_version_to_detect_and_says_so(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tiny_model: Path
) -> None:
    monkeypatch.chdir(repository)
    calls = []

    def choose(path: str, threads: int, core: int) -> Choice:
        calls.append((path, threads))
        return Choice(str(tiny_model), "tiny.onnx: fastest")

    monkeypatch.setattr(model_to_run, "choose_model", choose)
    source = SourceConfig(uri="scene://street?seed=7")
    config = LineConfig(sources=(source,), model="auto", detect=DetectConfig(threads=2))
    with hear() as messages:
        plan = Line(config)
    assert calls == [(str(shipped_path(SHIPPED_MODEL)), 2)]
    (detect,) = (process for process in plan.processes if process.stage == "detect")
    assert detect.options["model"] == str(tiny_model)
    assert plan.model.labels == ("person", "bicycle", "car")
    assert messages == ["model: auto: tiny.onnx: fastest"]


def test_auto_names_a_version_that_cannot_run(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Choice:
        raise ModelFileError("model: auto: damaged")

    monkeypatch.setattr(model_to_run, "choose_model", fail)
    with pytest.raises(LineError, match="model: auto: damaged"):
        Line(LineConfig(sources=(SourceConfig(uri="scene://street?seed=7"),), model="auto"))


def test_nothing_is_measured_for_a_source_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Measuring takes half a minute on a small board."""
    monkeypatch.setattr(model_to_run, "choose_model", lambda *_: pytest.fail("measured"))
    absent = SourceConfig(uri=str(tmp_path / "absent.mp4"))
    with pytest.raises(LineError, match=r"absent\.mp4: no such file"):
        Line(LineConfig(sources=(absent,), model="auto"))


def test_a_list_of_files_and_names_is_chosen_among(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def choose(paths: list[str], at_most_ms: float, threads: int, core: int) -> Choice:
        calls.append((paths, at_most_ms, core))
        return Choice(paths[1], "because")

    monkeypatch.setattr(model_to_run, "choose_among", choose)
    auto = AutoConfig(models=(SHIPPED_MODEL, "/my/own.onnx"), at_most_ms=40.0)
    config = LineConfig(sources=(STREET,), model="auto", auto=auto, cores={"detect": (0,)})
    assert find_model_file(config) == "/my/own.onnx"
    assert calls == [([str(shipped_path(SHIPPED_MODEL)), "/my/own.onnx"], 40.0, 0)]
    named = LineConfig(sources=(STREET,), model=SHIPPED_MODEL, auto=auto)
    assert find_model_file(named) == str(shipped_path(SHIPPED_MODEL))
    assert len(calls) == 1
