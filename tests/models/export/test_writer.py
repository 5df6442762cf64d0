import json
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest

from models.export import writer
from models.export.parity import (
    ParityError,
    make_probes,
    measure_parity,
)
from models.export.writer import export, make_card, without_places
from stages.model.detector import Detector
from stages.model.model_file import SoftNmsDefaults, read_model_metadata
from tests.models.export.graph_runs import SMALL
from tests.models.random_network import make_network

pytestmark = pytest.mark.torch

SOFT_NMS = SoftNmsDefaults(method="gaussian", iou_thresh=0.4, sigma=0.3)
META = {"sha256": "cd" * 32, "iteration": 7, "images": 224, "recipe": {"lr": 0.002}}


@pytest.fixture
def model_path(tmp_path: Path) -> Path:
    model = make_network(**SMALL)
    card = make_card(model, META, SOFT_NMS, score_thresh=0.25)
    export(model, card, tmp_path / "out" / "model.onnx")
    return tmp_path / "out" / "model.onnx"


def test_model_file_carries_its_card(model_path: Path) -> None:
    metadata = read_model_metadata(model_path)
    assert metadata.name == "thundernet-snet49"
    assert metadata.input_wh == (128, 128)
    assert metadata.max_rois == 40
    assert metadata.soft_nms == SOFT_NMS
    assert metadata.labels[0] == "person"
    assert metadata.checkpoint_sha256 == "cd" * 32
    assert metadata.recipe == {"iteration": 7, "images": 224, "recipe": {"lr": 0.002}}


def test_metadata_is_what_the_onnx_package_reads(model_path: Path) -> None:
    model = onnx.load(model_path)
    (entry,) = model.metadata_props
    card = json.loads(entry.value)
    metadata = msgspec.to_builtins(read_model_metadata(model_path))
    assert entry.key == "thunderline"
    assert card | {"sha256": metadata["sha256"]} == json.loads(json.dumps(metadata))


def test_card_names_no_folder_of_the_machine_that_trained() -> None:
    data = {"folder": "/home/someone/street11", "cache": "runs/cache", "image_size": 320}
    card = without_places({"recipe": {"data": data}, "images": 5})
    assert card == {"recipe": {"data": {"cache": "runs/cache", "image_size": 320}}, "images": 5}


def test_line_runs_the_exported_file(model_path: Path) -> None:
    detector = Detector(model_path)
    boxes, scores = detector.infer(make_probes(128)[0])
    assert boxes.shape == (len(scores), 4)
    assert 1 <= len(boxes) <= 40
    assert scores.shape[1] == 11
    assert 0 <= boxes.min() <= boxes.max() <= 128
    assert 0 <= scores.min() <= scores.max() <= 1


def test_a_flat_frame_still_yields_a_box(model_path: Path) -> None:
    assert len(Detector(model_path).infer(np.full((128, 128, 3), 104, np.uint8)).scores) >= 1


def test_failed_parity_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_network(**SMALL)
    worse = measure_parity(model, make_probes(128, count=1))._replace(score=0.01)
    monkeypatch.setattr(writer, "measure_parity", lambda *_: worse)
    with pytest.raises(ParityError, match=r"got boxes within .*scores within 1\.0e-02"):
        export(model, make_card(model, META, SOFT_NMS, 0.3), tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_interrupted_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")

    def interrupt(graph: onnx.ModelProto, partial: Path) -> None:
        partial.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(onnx, "save", interrupt)
    model = make_network(**SMALL)
    with pytest.raises(KeyboardInterrupt):
        export(model, make_card(model, META, SOFT_NMS, 0.3), path)
    assert [file.name for file in tmp_path.iterdir()] == ["model.onnx"]
    assert path.read_bytes() == b"old"


def test_card_counts_rows(tmp_path: Path) -> None:
    model = make_network(**SMALL, class_specific_boxes=True)
    path = tmp_path / "model.onnx"
    export(model, make_card(model, META, SOFT_NMS, score_thresh=0.25), path)
    detector = Detector(path)
    assert detector.metadata.max_rois == 80
    assert len(detector.infer(make_probes(128)[0]).scores) == 80
