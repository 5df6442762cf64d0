import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import onnxruntime as ort  # type: ignore[import-untyped]  # no stubs are published
import pytest
import torch
from torch import nn

from models.checkpoint import save_checkpoint
from models.errors import ConfigError
from models.export import writer
from models.export.channels import BLOCKS, PADDING, arrange, pad_channels
from models.export.convolution import fold
from models.export.parity import (
    Answer,
    ParityError,
    check_parity,
    make_probes,
    measure_parity,
    run_trained,
    take_pairs,
)
from models.export.psroi_align import edge_weights
from models.export.roi_head import max_rows
from models.export.thundernet import make_graph
from models.export.writer import export, make_card, without_places
from models.thundernet.thundernet import ThunderNet
from stages.kernels.soft_nms import SoftNms
from stages.model.detector import Detector
from stages.model.model_file import SoftNmsDefaults, read_model_metadata
from tests.models.random_network import make_network

pytestmark = pytest.mark.torch

SMALL = {"input_size": 128, "pre_nms_top_n": 300, "post_nms_top_n": 40}
SOFT_NMS = SoftNmsDefaults(method="gaussian", iou_thresh=0.4, sigma=0.3)
META = {"sha256": "cd" * 32, "iteration": 7, "images": 224, "recipe": {"lr": 0.002}}


@pytest.mark.parametrize(
    "fields",
    [
        {},  # the deployed SNet49
        {"backbone": "snet146"},  # no conv5; 132 channels are no whole blocks
        {"backbone": "snet535"},  # stem of 48
        {"balanced_downsampling": False},  # branches of unequal width
        {"backbone": {"kind": "snet", "stages": [48, 96, 200], "conv5": 256, "kernel": 3}},
        {"pool_reduction": "max"},  # the authors' published code
        {"spatial_attention": False, "context_levels": ["c4"]},  # no SAM, one level
        {"context_levels": ["c5", "global"], "rpn_channels": 100},  # RPN width with padding
        {"anchor_scales": [16, 32, 64, 99], "anchor_ratios": [0.5, 0.7, 1, 2]},  # none: 16 per cell
        {"pool_channels": 16},  # no padding before PSRoIAlign
        {"labels": ["dog"]},  # one class
        {"hidden_layers": 2},
        {"class_specific_boxes": True},
        {"class_specific_boxes": True, "labels": ["dog"]},
        {"class_specific_boxes": True, "labels": ["dog", "cat", "cow"], "hidden_layers": 3},
    ],
    ids=lambda fields: "-".join(fields) or "default",
)
def test_graph_computes_what_the_network_computes(fields: dict[str, Any]) -> None:
    model = make_network(**SMALL, **fields)
    parity = measure_parity(model, make_probes(128, count=2))
    assert parity.box_px < 1e-3
    assert parity.score < 1e-5
    assert parity.shared_rois > 0.97


def test_border_is_padded_with_the_mean_colour() -> None:
    # A frame that is brightest at its border shows a wrong padding most (Sec. 3.1, 3x3 stem).
    model = make_network(**SMALL)
    frame = np.full((128, 128, 3), 255, np.uint8)
    frame[8:-8, 8:-8] = 0
    assert measure_parity(model, [frame]).score < 1e-5


def test_parity_sees_a_changed_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_network(**SMALL)
    graph = make_graph(model, {}, expose_rois=True)
    weight = next(c for c in graph.graph.initializer if "roi_head/bias" in c.name)
    data = bytearray(weight.raw_data)
    data[:4] = np.float32(0.5).tobytes()
    weight.raw_data = bytes(data)
    monkeypatch.setattr("models.export.parity.make_graph", lambda *_, **__: graph)
    with pytest.raises(ParityError, match="expected boxes within"):
        check_parity(measure_parity(model, make_probes(128, count=1)))


def test_nan_is_no_parity() -> None:
    model = make_network(**SMALL)
    model.roi_head.box.bias.data[0] = float("nan")
    with pytest.raises(ParityError, match="nan"):
        check_parity(measure_parity(model, make_probes(128, count=1)))


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


def test_command_line(tmp_path: Path) -> None:
    model = make_network(input_size=128)
    meta = {"model": msgspec.to_builtins(model.config), "iteration": 3, "images": 96}
    checkpoint, out = tmp_path / "last.pt", tmp_path / "model.onnx"
    weights = model.state_dict()
    save_checkpoint(checkpoint, {"meta": meta, "ema": weights, "weights": weights})
    arguments = [str(checkpoint), str(out), "--rois", "30", "--block", "8"]
    command = [sys.executable, "-m", "models.export", *arguments]
    done = subprocess.run([*command, "--pre-nms", "200"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "RoIs the same" in done.stdout
    assert read_model_metadata(out).max_rois == 30
    assert read_model_metadata(out).recipe["iteration"] == 3
    refused = subprocess.run([*command, "--pre-nms", "20"], capture_output=True, text=True)
    assert refused.returncode == 1
    assert "post_nms_top_n: expected at most pre_nms_top_n = 20, got 30" in refused.stderr


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"backbone": {"kind": "mobilenet_v2"}}, "backbone: expected an SNet for export, got mob"),
        (
            {"backbone": {"kind": "snet", "stages": [8, 16, 32], "double_depthwise": True}},
            "double_depthwise: expected false for export",
        ),
        ({"context_enhancement": False}, "context_enhancement: expected true for export"),
        ({"rpn_kind": "dense"}, "rpn_kind: expected light for export, got dense"),
    ],
)
def test_ablations_without_a_graph_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_graph(make_network(**SMALL, **fields), {})


def test_context_of_the_global_average_alone_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected c4 or c5 among them"):
        make_graph(make_network(**SMALL, context_levels=["global"]), {})


def test_folded_convolution_equals_convolution_and_norm() -> None:
    generator = torch.Generator().manual_seed(1)
    conv, norm = nn.Conv2d(6, 4, 3, bias=True), nn.BatchNorm2d(4).eval()
    assert norm.running_mean is not None
    assert norm.running_var is not None
    for values in (norm.weight, norm.bias, norm.running_mean):
        values.data.normal_(0, 1, generator=generator)
    norm.running_var.uniform_(0.2, 3, generator=generator)
    image = torch.rand(1, 6, 9, 9, generator=generator)
    folded = fold(conv, norm)
    weight, bias = torch.from_numpy(folded.weight), torch.from_numpy(folded.bias)
    torch.testing.assert_close(nn.functional.conv2d(image, weight, bias), norm(conv(image)))


def test_channels_are_padded_to_whole_blocks() -> None:
    for block in BLOCKS:
        assert pad_channels([3, 1, 2], block).tolist() == [3, 1, 2] + [PADDING] * (block - 3)
        assert pad_channels(range(block), block).tolist() == list(range(block))
    weight = np.arange(1, 7, dtype=np.float32).reshape(3, 2)
    arranged = arrange(weight, np.array([2, PADDING, 0]))
    np.testing.assert_array_equal(arranged, [[5, 6], [0, 0], [1, 2]])
    np.testing.assert_array_equal(arrange(weight, np.array([PADDING, 1]), axis=1)[:, 1], [2, 4, 6])


def test_bin_edges_tile_the_roi() -> None:
    x1, y1, width, height = 10, 20, 70, 35
    edges = (np.array([x1, y1, width, height]) @ edge_weights(7)).reshape(7, 7, 4)
    np.testing.assert_allclose(edges[0, 0], [10, 20, 20, 25])  # row 0, column 0
    np.testing.assert_allclose(edges[0, 6], [70, 20, 80, 25])  # to the right
    np.testing.assert_allclose(edges[6, 0], [10, 50, 20, 55])  # below


def run_graph(model: ThunderNet, frame: np.ndarray) -> dict[str, np.ndarray]:
    graph = make_graph(model, {}, expose_rois=True).SerializeToString()
    session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"frame": frame}), strict=True))


def test_rows_are_the_best_pairs_of_roi_and_class() -> None:
    model = make_network(**SMALL, class_specific_boxes=True)
    frame = make_probes(128)[0]
    found = run_graph(model, frame)
    expected, _ = run_trained(model, frame, torch.from_numpy(found["rois"]))
    assert len(found["boxes"]) == max_rows(model.config) == 80
    assert ((found["scores"] > 0).sum(axis=1) == 1).all()
    kept = np.sort(found["scores"].max(axis=1))
    np.testing.assert_allclose(kept, np.sort(expected.scores.numpy(), axis=None)[-80:], rtol=1e-4)
    for pair, box, scores in zip(found["pairs"], found["boxes"], found["scores"], strict=True):
        roi, label = divmod(int(pair), 11)
        np.testing.assert_allclose(box, expected.boxes[roi, label], atol=1e-3)
        np.testing.assert_allclose(scores[label], expected.scores[roi, label], rtol=1e-4)


def test_few_rois_give_all_their_pairs() -> None:
    # Suppression at any overlap leaves fewer RoIs than rows asked for.
    fields: dict[str, Any] = SMALL | {"nms_thresh": 0.0, "labels": ["dog", "cat"]}
    found = run_graph(make_network(**fields, class_specific_boxes=True), make_probes(128)[0])
    assert len(found["rois"]) < 40
    assert sorted(found["pairs"]) == list(range(2 * len(found["rois"])))


def test_box_per_class_that_is_the_same_for_all_detects_the_same() -> None:
    agnostic = make_network(**SMALL)
    specific = make_network(**SMALL, class_specific_boxes=True)
    weights = agnostic.state_dict()
    for name in ("roi_head.box.weight", "roi_head.box.bias"):
        weights[name] = torch.cat([weights[name]] * 11)
    specific.load_state_dict(weights)
    frame = make_probes(128)[0]
    soft_nms = SoftNms(score_thresh=0.2, max_detections=20)
    found, expected = (
        soft_nms.suppress(outputs["boxes"], outputs["scores"])
        for outputs in (run_graph(specific, frame), run_graph(agnostic, frame))
    )
    assert len(expected.scores) == 20
    for got, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-3)


def test_parity_sees_pairs_that_are_not_the_best() -> None:
    scores = torch.tensor([[0.7, 0.1], [0.2, 0.6]])
    every = Answer(torch.zeros(2, 2, 4), scores, torch.tensor(0.0))
    assert take_pairs(every, torch.tensor([0, 3])).missed == 0
    assert take_pairs(every, torch.tensor([0, 2])).missed == pytest.approx(0.4)


def test_card_counts_rows(tmp_path: Path) -> None:
    model = make_network(**SMALL, class_specific_boxes=True)
    path = tmp_path / "model.onnx"
    export(model, make_card(model, META, SOFT_NMS, score_thresh=0.25), path)
    detector = Detector(path)
    assert detector.metadata.max_rois == 80
    assert len(detector.infer(make_probes(128)[0]).scores) == 80


def test_graph_needs_no_operator_beyond_the_standard() -> None:
    model = make_graph(make_network(**SMALL), {})
    assert {node.domain for node in model.graph.node} == {""}
    assert [entry.version for entry in model.opset_import] == [17]
    ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
