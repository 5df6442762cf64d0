import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import onnx
import pytest

from models.data.report import DataError, DataReport
from models.evaluate.average_precision import Score
from models.evaluate.evaluation_set import EvaluationSet
from models.export.parity import make_probes
from models.quantize import command
from models.quantize.command import QuantizationError, check_fall, choose_parts, read_tensors
from models.quantize.parts import PARTS
from stages.model.detector import Detector
from stages.model.model_file import read_model_metadata
from tests.models.quantize.foreign_network import write_adopted
from tests.models.tiny_street11 import write_split
from tests.running_line import REPOSITORY

pytestmark = pytest.mark.torch

NOTHING = EvaluationSet(Path("val.json"), [], {}, {})


def test_parts_that_hurt_stay_in_float(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(parts: Sequence[str]) -> onnx.ModelProto:
        return onnx.ModelProto(producer_name=parts[0])

    def score(model: onnx.ModelProto, dataset: object) -> Score:
        fall = {"rpn": 0.3, "cem": 0.1}.get(model.producer_name, 0.0)
        return Score(ap=20 - fall, ap50=40, sources={})

    monkeypatch.setattr(command, "score_graph", score)
    before = Score(ap=20, ap50=40, sources={})
    chosen = choose_parts(PARTS, make, NOTHING, before, tolerance=0.2)
    assert set(PARTS) - set(chosen) == {"rpn"}
    with pytest.raises(QuantizationError, match=r"at most -1\.0 AP, found none"):
        choose_parts(PARTS, make, NOTHING, before, tolerance=-1.0)


@pytest.mark.parametrize("fallen", [19.5, 10.0, float("nan")])
def test_a_model_that_lost_too_much_is_refused(fallen: float) -> None:
    before, after = (Score(ap=ap, ap50=40, sources={}) for ap in (20.0, fallen))
    with pytest.raises(QuantizationError, match=r"less than 0\.5, got AP 20\.00 -> "):
        check_fall(before, after, 0.5)
    assert "20.00 -> 19.60" in check_fall(before, Score(ap=19.6, ap50=40, sources={}), 0.5)


def test_command_line(model_path: Path, tmp_path: Path) -> None:
    for split in ("train", "val"):
        write_split(tmp_path, split, count=6)
    out = tmp_path / "zoo" / "int8.onnx"
    data = ["--data", tmp_path / "train.json", "--val", tmp_path / "val.json", "--images", "3"]
    sizes = [*map(str, data), "--measure-parts", "--part-tolerance", "101"]
    files = [str(model_path), str(out)]
    arguments = [sys.executable, "-m", "models.quantize", *files, *sizes]
    done = subprocess.run([*arguments, "--tolerance", "101"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith(" on 6 images")
    assert read_model_metadata(out).recipe["quantization"]["calibration_images"] == 3
    assert len(Detector(out).infer(make_probes(128)[0]).scores)
    out.unlink()
    refused = subprocess.run([*arguments, "--tolerance", "0"], capture_output=True, text=True)
    assert refused.returncode == 1
    assert "quantize: expected AP to fall by less than 0.0, got AP" in refused.stderr
    assert not list(out.parent.iterdir())


def test_an_adopted_file_in_eight_bits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its calibration frames are letterboxed as its card says."""
    adopted, out = write_adopted(tmp_path), tmp_path / "int8.onnx"
    for split in ("train", "val"):
        write_split(tmp_path, split, count=6)
    report = DataReport()
    (frame, *_) = read_tensors(tmp_path / "train.json", 3, read_model_metadata(adopted), report)
    assert (frame[-1] == 114).all()  # padding below a picture that is wider than high
    given = [str(adopted), str(out), "--images", "3", "--tolerance", "101"]
    given += ["--data", str(tmp_path / "train.json"), "--val", str(tmp_path / "val.json")]
    command.run(command.parse_arguments(given))
    said = capsys.readouterr().out
    assert "ms of CPU time for the graph on this machine" in said
    card = read_model_metadata(out)
    assert card.recipe["adopted"]["family"] == "yolox"
    assert card.recipe["quantization"]["parts"][0].startswith("convolutions 1 to")
    assert card.fit == read_model_metadata(adopted).fit
    again = command.parse_arguments([str(out), str(tmp_path / "twice.onnx"), *given[2:]])
    with pytest.raises(QuantizationError, match=r"in 8 bits already: QuantizeLinear"):
        command.run(again)


def test_classes_that_nobody_could_judge_are_refused(tmp_path: Path) -> None:
    adopted = write_adopted(tmp_path, ("kite", "lamp", "sock"))
    write_split(tmp_path, "val", count=6)
    given = [str(adopted), str(tmp_path / "int8.onnx"), "--data", "none.json",
             "--val", str(tmp_path / "val.json")]  # fmt: skip
    with pytest.raises(DataError, match=r"the model's classes \(kite, lamp, sock\), got those of"):
        command.run(command.parse_arguments(given))


def test_a_network_without_inner_convolutions_is_refused(tmp_path: Path) -> None:
    """Nothing of it would compute in 8 bits, whatever the file's name says."""
    adopted = REPOSITORY / "tests/golden/adopted.onnx"
    given = [str(adopted), str(tmp_path / "int8.onnx"), "--data", "none.json", "--val", "none.json"]
    with pytest.raises(QuantizationError, match="expected convolutions"):
        command.run(command.parse_arguments(given))
    assert not list(tmp_path.iterdir())
