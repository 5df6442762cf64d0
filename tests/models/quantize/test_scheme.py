from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from models.export.parity import make_probes
from models.quantize.parts import PARTS
from models.quantize.runtime_quantizer import TensorsData
from models.quantize.scheme import SCHEMES, quantize
from stages.model.detector import Detector

pytestmark = pytest.mark.torch


def operators_of(model: onnx.ModelProto, kind: str) -> list[str]:
    return [node.name for node in model.graph.node if node.op_type == kind]


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
