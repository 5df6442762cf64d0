"""A small network exported once, and the ranges of its tensors."""

from pathlib import Path

import onnx
import pytest

from models.export.parity import make_probes
from models.export.writer import export, make_card
from models.quantize.calibration import measure_ranges
from models.quantize.runtime_quantizer import TensorsData
from stages.model.model_file import SoftNmsDefaults
from tests.models.random_network import make_network

SMALL = {"input_size": 128, "pre_nms_top_n": 300, "post_nms_top_n": 40}
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
