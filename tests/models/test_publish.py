"""What a model file says of its making and its scores."""

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import onnx
import pytest

from models.evaluate.average_precision import ClassScore, Score, SourceScore
from models.evaluate.shown import Shown
from models.evaluate.source_report import SourceReport
from models.export.onnx_file import PUBLISHED
from models.publish import main
from models.quantize.card import label_quantized
from stages.model.model_file import read_model_metadata
from stages.model.stated_accuracy import StatedAccuracy, stated_accuracy
from tests.running_line import REPOSITORY

pytestmark = pytest.mark.torch

ZOO = REPOSITORY / "models/zoo"
SHIPPED = sorted(ZOO.glob("*.onnx"))
ORIGIN = ZOO / "street11.yaml"
SCORE = Score(40.126, 60.0, {"voc": SourceScore(3, 1 / 3, 50.0, {"cat": ClassScore(1.0, 2.0, 4)})})


@pytest.fixture
def model_path(tmp_path: Path) -> Path:
    return Path(shutil.copy(SHIPPED[0], tmp_path / "model.onnx"))


@pytest.fixture
def scores(tmp_path: Path) -> Path:
    path = tmp_path / "scores.json"
    path.write_text(json.dumps(msgspec.to_builtins(SCORE)))
    return path


def publish(model_path: Path, origin: Path, scores: Path) -> int:
    return main([str(model_path), "--origin", str(origin), "--scores", str(scores)])


def test_scores_alone_are_those_of_a_file_of_others(model_path: Path, scores: Path) -> None:
    assert main([str(model_path), "--scores", str(scores)]) == 0
    card = read_model_metadata(model_path)
    assert set(card.recipe[PUBLISHED]) == {"scores"}
    assert stated_accuracy(card) == StatedAccuracy(40.13, "voc 3")


def test_a_file_tells_its_commands_data_and_scores_and_computes_what_it_did(
    model_path: Path, scores: Path
) -> None:
    before, graph = read_model_metadata(model_path), onnx.load(model_path).graph
    assert publish(model_path, ORIGIN, scores) == 0
    after = read_model_metadata(model_path)
    found = after.recipe[PUBLISHED]
    assert found["commands"][0].startswith("python -m models.train ")
    assert {"name": "Vehicles-OpenImages", "licence": "CC BY 4.0"} in found["data"]
    assert found["scores"]["ap"] == 40.13
    assert found["scores"]["sources"]["voc"]["ap"] == 0.33
    assert found["scores"]["sources"]["voc"]["classes"] == {
        "cat": {"ap": 1.0, "ap50": 2.0, "boxes": 4}
    }
    assert after.recipe == before.recipe | {PUBLISHED: found}
    assert (after.name, after.labels) == (before.name, before.labels)
    assert onnx.load(model_path).graph == graph


def write_thresholds(path: Path, **changes: Any) -> Path:
    shown = Shown((), {}, (), (), 1.0, {"person": 0.314, "cow": None})
    report = SourceReport(1.0, 2.0, {}, half="choosing", shown=shown)
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(report, **changes)))
    return path


def publish_thresholds(model_path: Path, scores: Path, chosen: Path) -> int:
    return main([str(model_path), "--scores", str(scores), "--thresholds", str(chosen)])


def test_a_file_tells_a_threshold_for_each_class(
    model_path: Path, scores: Path, tmp_path: Path
) -> None:
    assert publish_thresholds(model_path, scores, write_thresholds(tmp_path / "chosen.json")) == 0
    found = read_model_metadata(model_path).recipe[PUBLISHED]["thresholds"]
    assert found == {"right": 75.0, "by_class": {"person": 0.31, "cow": None}}


@pytest.mark.parametrize(
    ("changes", "got"),
    [
        ({"half": "reporting"}, "got those of the reporting half"),
        ({"half": None}, "got those of all images"),
        ({"shown": None}, "got those of the choosing half without thresholds"),
    ],
)
def test_thresholds_that_were_not_chosen_on_the_choosing_half_are_refused(
    model_path: Path,
    scores: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, Any],
    got: str,
) -> None:
    before, chosen = model_path.read_bytes(), write_thresholds(tmp_path / "chosen.json", **changes)
    assert publish_thresholds(model_path, scores, chosen) == 1
    assert f"{chosen}: expected scores with thresholds, of the choosing half, {got}" in (
        capsys.readouterr().err
    )
    assert model_path.read_bytes() == before


def test_a_quantised_file_does_not_claim_the_scores_of_its_source(
    model_path: Path, scores: Path
) -> None:
    publish(model_path, ORIGIN, scores)
    model = onnx.load(model_path)
    label_quantized(model, read_model_metadata(model_path), "u8s7", ["head"], 9)
    onnx.save(model, model_path)
    recipe = read_model_metadata(model_path).recipe
    assert PUBLISHED not in recipe
    assert recipe["quantization"]["calibration_images"] == 9


@pytest.mark.parametrize(
    ("origin", "text", "expected"),
    [
        ("origin.yaml", "commands: [a]\ndata: [{name: b, license: c}]", "license"),
        ("scores.json", '{"ap": 3}', "expected scores written by models.evaluate --results"),
        ("model.onnx", "no model", "no ONNX model"),
        ("none.yaml", None, "no such file"),
    ],
)
def test_a_mistake_is_named_and_changes_nothing(
    model_path: Path,
    scores: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    origin: str,
    text: str | None,
    expected: str,
) -> None:
    if text is not None:
        (tmp_path / origin).write_text(text)
    before = model_path.read_bytes()
    described = tmp_path / origin if origin.endswith(".yaml") else ORIGIN
    assert publish(model_path, described, scores) == 1
    said = capsys.readouterr().err
    assert expected in said
    assert origin in said
    assert model_path.read_bytes() == before


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_files_carry_the_table_that_the_pages_show(path: Path) -> None:
    scores = json.loads(path.with_suffix(".json").read_text())
    found = read_model_metadata(path).recipe[PUBLISHED]
    assert found["scores"]["ap"] == pytest.approx(scores["ap"], abs=0.006)
    for name, source in scores["sources"].items():
        for label, score in source["classes"].items():
            shown = found["scores"]["sources"][name]["classes"][label]["ap50"]
            assert shown == pytest.approx(score["ap50"], abs=0.006), (name, label)
    assert len(found["data"]) == 24
    page = (REPOSITORY / "docs/models.md").read_text()
    assert f"| {scores['ap50']:.1f} | {scores['ap']:.1f} |" in page
