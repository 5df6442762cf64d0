"""Networks of other projects in 8 bits, by their depth."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from models.quantize.calibration import measure_ranges
from models.quantize.division import divide
from models.quantize.scheme import SCHEMES, quantize
from models.quantize.stretches import divide_stretches
from models.quantize.timing import time_in_turns
from stages.model.detector import Detector
from tests.models.quantize.foreign_network import SIDE, write_adopted

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_adopted(tmp_path_factory.mktemp("adopted"))


def make_frames(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8) for _ in range(count)]


def test_all_but_the_first_and_the_last_convolutions(adopted: Path) -> None:
    graph = onnx.load(adopted)
    stretches = divide_stretches(graph)
    assert divide(graph) == stretches
    names = [name for stretch in stretches.values() for name in stretch]
    convolutions = [name for name in names if name.removeprefix("model/") in
                    [f"conv{depth}" for depth in range(5)]]  # fmt: skip
    assert convolutions == [f"model/conv{depth}" for depth in range(1, 5)]
    assert "model/conv4_silu" in names  # is read by a convolution of the head
    assert not any("head" in name or name.startswith(("picture/", "best/")) for name in names)
    assert list(stretches) == [f"convolutions {n} to {n}" for n in range(1, 5)]
    # What stands between the first convolution and the second goes with the second.
    assert "model/conv0_gate" in stretches["convolutions 1 to 1"]


def test_it_detects_nearly_the_same(adopted: Path, tmp_path: Path) -> None:
    graph, frames = onnx.load(adopted), make_frames(4)
    quantized = quantize(graph, measure_ranges(graph, frames), divide(graph), SCHEMES["u8s7"])
    assert any(node.op_type == "QuantizeLinear" for node in quantized.graph.node)
    onnx.save(quantized, tmp_path / "int8.onnx")
    before, after = Detector(adopted), Detector(tmp_path / "int8.onnx")
    expected, got = (detector.infer(frames[0]).scores for detector in (before, after))
    best = np.argsort(-expected.max(axis=1))[:20]
    assert np.corrcoef(expected[best].ravel(), got[best].ravel())[0, 1] > 0.9
    assert not np.array_equal(expected, got)
    assert all(ms > 0 for ms in time_in_turns([before, after], frames, rounds=2))
