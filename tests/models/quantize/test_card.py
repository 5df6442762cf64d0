from pathlib import Path

import onnx
import pytest

from models.quantize.card import label_quantized
from stages.model.model_file import read_model_metadata

pytestmark = pytest.mark.torch


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
