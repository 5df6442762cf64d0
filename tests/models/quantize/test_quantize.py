import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnxruntime.quantization.calibrate import TensorsData  # type: ignore[import-untyped]

from models.evaluate.average_precision import Score
from models.evaluate.evaluation_set import EvaluationSet
from models.export.parity import make_probes
from models.export.thundernet import make_graph
from models.export.writer import export, make_card
from models.quantize import command
from models.quantize.calibration import measure_ranges
from models.quantize.card import label_quantized
from models.quantize.command import QuantizationError, check_fall, choose_parts
from models.quantize.parts import FLOAT_PARTS, PARTS, is_in, present_parts, quantizable_nodes
from models.quantize.scheme import SCHEMES, quantize
from stages.model.detector import Detector
from stages.model.model_file import SoftNmsDefaults, read_model_metadata
from tests.models.random_network import make_network
from tests.models.tiny_street11 import write_split

pytestmark = pytest.mark.torch

SMALL = {"input_size": 128, "pre_nms_top_n": 300, "post_nms_top_n": 40}
NOTHING = EvaluationSet(Path("val.json"), [], {}, {})
SOFT_NMS = SoftNmsDefaults(method="linear", iou_thresh=0.5, sigma=0.5)


@pytest.fixture(scope="module")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = make_network(**SMALL)
    path: Path = tmp_path_factory.mktemp("quantize") / "model.onnx"
    export(model, make_card(model, {"sha256": "ab" * 32, "lr": 0.1}, SOFT_NMS, 0.3), path)
    return path


@pytest.fixture(scope="module")
def graph(model_path: Path) -> onnx.ModelProto:
    return onnx.load(model_path)


@pytest.fixture(scope="module")
def ranges(graph: onnx.ModelProto) -> TensorsData:
    return measure_ranges(graph, make_probes(128))


def operators_of(model: onnx.ModelProto, kind: str) -> list[str]:
    return [node.name for node in model.graph.node if node.op_type == kind]


def test_every_part_is_found_in_the_deployed_graph(graph: onnx.ModelProto) -> None:
    assert present_parts(graph) == tuple(part for part in PARTS if part != "backbone/stage2")
    names = [node.name for node in graph.graph.node]
    for part in FLOAT_PARTS:
        assert any(is_in(name, [part]) for name in names), part


def test_a_narrow_stage_stays_in_float(graph: onnx.ModelProto) -> None:
    assert quantizable_nodes(graph, ["backbone/stage2"]) == []  # 30 channels, padded to 32
    wide = make_graph(make_network(**SMALL, backbone="snet146"), {})
    assert quantizable_nodes(wide, ["backbone/stage2"])


def test_a_network_without_a_part_lacks_it() -> None:
    graph = make_graph(make_network(**SMALL, backbone="snet146", spatial_attention=False), {})
    assert set(PARTS) - set(present_parts(graph)) == {"backbone/conv5", "sam"}


def test_coordinates_stay_in_float(graph: onnx.ModelProto) -> None:
    names = quantizable_nodes(graph, PARTS)
    assert not any(is_in(name, ["image", "backbone/stem", "proposals", "psroi_align"])
                   for name in names)  # fmt: skip
    assert [name for name in names if is_in(name, ["roi_head"])] == [
        "roi_head/gemm",
        "roi_head/relu",
    ]


def test_part_names_are_whole_words() -> None:
    assert is_in("rpn/conv_3", ["rpn"])
    assert is_in("roi_head/gemm_2", ["roi_head/gemm_2"])
    assert not is_in("rpn2/conv", ["rpn"])


def test_calibration_averages_the_ranges_of_frames(graph: onnx.ModelProto) -> None:
    dark, bright = np.zeros((128, 128, 3), np.uint8), np.full((128, 128, 3), 255, np.uint8)

    def largest(*frames: np.ndarray) -> float:
        ranges = measure_ranges(graph, frames)
        return float(ranges["backbone/stem/maxpool"].range_value[1])

    assert largest(dark) != pytest.approx(largest(bright))
    mean = (largest(dark) + largest(bright)) / 2
    assert largest(dark, bright) == pytest.approx(mean, rel=1e-5)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_eight_bits_detect_nearly_the_same(
    graph: onnx.ModelProto, ranges: TensorsData, scheme: str, tmp_path: Path
) -> None:
    quantized = tmp_path / "int8.onnx"
    onnx.save(quantize(graph, ranges, PARTS, SCHEMES[scheme]), quantized)
    onnx.save(graph, tmp_path / "float.onnx")
    frame = make_probes(128)[0]
    expected, got = (Detector(path).infer(frame) for path in (tmp_path / "float.onnx", quantized))
    # RoIs differ, so the sure ones are compared: the best score of every class.
    assert np.corrcoef(expected.scores.max(axis=0), got.scores.max(axis=0))[0, 1] > 0.97
    assert not np.array_equal(expected.scores, got.scores)


def test_only_the_given_parts_are_quantised(graph: onnx.ModelProto, ranges: TensorsData) -> None:
    quantized = quantize(graph, ranges, ["rpn"], SCHEMES["u8s8"])
    readers = operators_of(quantized, "QuantizeLinear")
    assert readers
    assert all("rpn/" in name or "cem/" in name for name in readers)  # the CEM's output is read
    assert not operators_of(quantize(graph, ranges, [], SCHEMES["u8s8"]), "QuantizeLinear")


def test_seven_bit_weights_cannot_saturate_sixteen_bits(
    graph: onnx.ModelProto, ranges: TensorsData
) -> None:
    def largest(scheme: str) -> int:
        model = quantize(graph, ranges, PARTS, SCHEMES[scheme])
        weights = [c for c in model.graph.initializer if c.name.endswith("weight_quantized")]
        assert weights
        return max(int(abs(numpy_helper.to_array(c).astype(int)).max()) for c in weights)

    assert largest("u8s7") <= 64
    assert largest("u8s8") > 64
    assert 2 * 255 * largest("u8s7") < 2**15  # two products, as vpmaddubsw adds them


def test_symmetric_activations_have_zero_in_the_middle(
    graph: onnx.ModelProto, ranges: TensorsData
) -> None:
    model = quantize(graph, ranges, PARTS, SCHEMES["s8s8"])
    points = [
        numpy_helper.to_array(c)
        for c in model.graph.initializer
        if c.name.endswith("zero_point") and c.data_type == onnx.TensorProto.INT8
    ]
    assert points
    assert not any(point.any() for point in points)


def test_card_tells_where_the_file_comes_from(
    graph: onnx.ModelProto, model_path: Path, tmp_path: Path
) -> None:
    source = read_model_metadata(model_path)
    model = onnx.ModelProto()
    model.CopyFrom(graph)
    label_quantized(model, source, "u8s8", ["cem"], images=7)
    onnx.save(model, tmp_path / "int8.onnx")
    card = read_model_metadata(tmp_path / "int8.onnx")
    assert card.name == "thundernet-snet49-int8"
    assert (card.labels, card.input_wh) == (source.labels, source.input_wh)
    assert card.recipe["lr"] == 0.1
    assert card.recipe["quantization"] == {
        "source_sha256": source.sha256, "scheme": "u8s8", "parts": ["cem"],
        "calibration_images": 7,
    }  # fmt: skip


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
    refused = subprocess.run([*arguments, "--tolerance", "-101"], capture_output=True, text=True)
    assert refused.returncode == 1
    assert "quantize: expected AP to fall by less than -101.0, got AP" in refused.stderr
    assert not list(out.parent.iterdir())
