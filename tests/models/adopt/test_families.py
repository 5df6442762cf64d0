"""Each family, adopted, against its head read once more."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from models.adopt.command import main
from stages.model.detector import Detector, RoiScores
from tests.models.adopt.foreign_files import (
    assert_same,
    best_rows,
    cells,
    centred,
    draw_frame,
    moved,
    read_distances,
    read_yolox,
    sigmoid,
    softmax,
    write_foreign,
)

pytestmark = pytest.mark.torch

SIDE, MOST = 64, 20
LABELS = ("person", "bicycle", "car")
CELLS = cells(SIDE, (8, 16, 32))
N = len(CELLS)
RNG = np.random.default_rng(5)
FRAME = draw_frame(SIDE)
RGB01 = FRAME[:, :, ::-1].astype(np.float32) / 255
ANCHORS = RNG.uniform(0.2, 0.8, (1200, 4)).astype(np.float32)


def chance(*shape: int, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    return RNG.uniform(low, high, shape).astype(np.float32)


def adopt(folder: Path, tables: Mapping[str, np.ndarray], *options: str, **written: object) -> Path:
    names = folder / "names.txt"
    names.write_text("\n".join(LABELS))
    foreign = write_foreign(folder / "foreign.onnx", tables, **written)  # type: ignore[arg-type]
    out = folder / "line.onnx"
    given = ["--labels", str(names), "--top-k", str(MOST), "-o", str(out), *options]
    assert main([str(foreign), *given]) == 0
    return out


def look(path: Path) -> RoiScores:
    return Detector(path).infer(FRAME)


def pixels(count: int) -> np.ndarray:
    """Boxes (N, 4): centre and size in pixels."""
    return np.concatenate(
        [chance(count, 2, low=10, high=50), chance(count, 2, low=5, high=30)], axis=1
    )


@pytest.mark.parametrize("is_decoded", [False, True])
def test_yolox(tmp_path: Path, is_decoded: bool) -> None:
    rows = np.concatenate([chance(N, 4, low=-1), chance(N, 4, low=0.1, high=0.7)], axis=1)
    if is_decoded:
        rows[:, :4] = pixels(N)
    tables = {"output": rows[None]}
    written = {"extra": ["Exp"] if is_decoded else []}
    out = adopt(tmp_path, tables, "--std", "2550", "2550", "2550", **written)
    rows = moved(tables, FRAME.astype(np.float32) / 2550)["output"][0]
    boxes, scores = read_yolox(rows, SIDE)
    if is_decoded:
        boxes = centred(rows[:, :4])
    assert_same(look(out), *best_rows(boxes, scores, MOST, SIDE))


def test_what_the_picture_becomes_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = np.concatenate([pixels(3 * N), chance(3 * N, 4)], axis=1)
    adopt(tmp_path, {"output0": rows[None]}, "--mean", "123.675", "116.28", "103.53")
    assert "64x64; rgb, less 123.675 116.28 103.53, by 255 255 255; " in capsys.readouterr().out


def test_yolov5(tmp_path: Path) -> None:
    rows = np.concatenate([pixels(3 * N), chance(3 * N, 4, high=0.7)], axis=1)
    tables = {"output0": rows[None]}
    out = adopt(tmp_path, tables)
    rows = moved(tables, RGB01)["output0"][0]
    expected = best_rows(centred(rows[:, :4]), rows[:, 4:5] * rows[:, 5:], MOST, SIDE)
    assert_same(look(out), *expected)


@pytest.mark.parametrize("opset", [11, 13, 17, 20])
def test_yolov8(tmp_path: Path, opset: int) -> None:
    rows = np.concatenate([pixels(N), chance(N, 3)], axis=1)
    tables = {"output0": np.ascontiguousarray(rows.T[None])}
    out = adopt(tmp_path, tables, opset=opset)
    columns = moved(tables, RGB01)["output0"][0]
    assert_same(look(out), *best_rows(centred(columns[:4].T), columns[4:].T, MOST, SIDE))


def test_end_to_end_heads_say_each_object_once(tmp_path: Path) -> None:
    corners = np.sort(chance(30, 2, 2, high=60), axis=1).reshape(30, 4)
    score = np.sort(chance(30, 1), axis=0)[::-1]
    ids = RNG.integers(0, 3, (30, 1)).astype(np.float32)
    out = adopt(tmp_path, {"output0": np.concatenate([corners, score, ids], axis=1)[None]})
    detector = Detector(out)
    assert detector.metadata.soft_nms.method == "none"
    expected = np.where(ids == np.arange(3), score, 0)
    found = detector.infer(np.zeros_like(FRAME))  # a black frame leaves the table as it is
    assert_same(found, *best_rows(corners, expected, MOST, SIDE))


@pytest.mark.parametrize("is_plus", [False, True])
def test_nanodet_with_an_output_for_each_level(tmp_path: Path, is_plus: bool) -> None:
    strides = (8, 16, 32, 64) if is_plus else (8, 16, 32)
    grid = cells(SIDE, strides)
    tables = {}
    for stride in strides:
        count = (grid[:, 2] == stride).sum()
        tables[f"cls_{stride}"] = chance(1, count, 3, low=0.1, high=0.8)
        tables[f"dis_{stride}"] = chance(1, count, 32, low=-3, high=3)
    out = adopt(tmp_path, tables, "--std", "2550", "2550", "2550")
    mean = np.array([103.53, 116.28, 123.675], np.float32)
    found = moved(tables, (FRAME - mean) / 2550)
    scores = np.concatenate([found[f"cls_{stride}"][0] for stride in strides])
    logits = np.concatenate([found[f"dis_{stride}"][0] for stride in strides])
    points = (grid[:, :2] + (0.0 if is_plus else 0.5)) * grid[:, 2:]
    boxes = read_distances(logits, points, grid[:, 2])
    assert_same(look(out), *best_rows(boxes, scores, MOST, SIDE))


def test_nanodet_plus_with_one_output(tmp_path: Path) -> None:
    grid = cells(SIDE, (8, 16, 32, 64))
    tables = {"output": np.concatenate(
        [chance(1, len(grid), 3, high=0.7), chance(1, len(grid), 32, low=-3, high=3)], axis=2
    )}  # fmt: skip
    out = adopt(tmp_path, tables)
    picture = (FRAME - np.array([103.53, 116.28, 123.675])) / np.array([57.375, 57.12, 58.395])
    rows = moved(tables, picture)["output"][0]
    boxes = read_distances(rows[:, 3:], grid[:, :2] * grid[:, 2:], grid[:, 2])
    assert_same(look(out), *best_rows(boxes, rows[:, :3], MOST, SIDE))


@pytest.mark.parametrize("has_no_object", [False, True])
def test_detr(tmp_path: Path, has_no_object: bool) -> None:
    width = 4 if has_no_object else 3
    tables = {
        "logits": chance(1, 40, width, low=-2, high=2),
        "pred_boxes": np.concatenate(
            [chance(1, 40, 2, low=0.3, high=0.6), chance(1, 40, 2, low=0.1, high=0.3)], axis=2
        ),
    }
    out = adopt(tmp_path, tables, "--std", "2550", "2550", "2550")
    found = moved(tables, FRAME[:, :, ::-1] / 2550)
    logits = found["logits"][0]
    scores = softmax(logits)[:, :3] if has_no_object else sigmoid(logits)
    boxes = centred(found["pred_boxes"][0]) * SIDE
    assert_same(look(out), *best_rows(boxes, scores, MOST, SIDE))
    assert Detector(out).metadata.soft_nms.method == "none"


def test_ssd_with_anchors(tmp_path: Path) -> None:
    np.save(tmp_path / "anchors.npy", ANCHORS)
    tables = {"scores": chance(1, 1200, 4, low=-3, high=3), "boxes": chance(1, 1200, 4, low=-1)}
    out = adopt(tmp_path, tables, "--anchors", str(tmp_path / "anchors.npy"))
    found = moved(tables, (FRAME[:, :, ::-1] - 127.5) / 127.5)
    delta, (x, y, w, h) = found["boxes"][0], ANCHORS.T
    centre = np.stack([x + 0.1 * delta[:, 0] * w, y + 0.1 * delta[:, 1] * h], axis=1)
    size = np.stack([w * np.exp(0.2 * delta[:, 2]), h * np.exp(0.2 * delta[:, 3])], axis=1)
    boxes = centred(np.concatenate([centre, size], axis=1)) * SIDE
    scores = softmax(found["scores"][0])[:, 1:]
    assert_same(look(out), *best_rows(boxes, scores, MOST, SIDE))


def test_ssd_whose_boxes_are_decoded(tmp_path: Path) -> None:
    corners = np.sort(chance(1200, 2, 2, low=0.1, high=0.8), axis=1).reshape(1, 1200, 4)
    tables = {"scores": 0.7 * softmax(chance(1, 1200, 4, high=5)), "boxes": corners}
    out = adopt(tmp_path, tables, "--std", "1e9", "1e9", "1e9")
    expected = best_rows(corners[0] * SIDE, tables["scores"][0, :, 1:], MOST, SIDE)
    assert_same(look(out), *expected)


def test_detections_as_tensorflow_names_them(tmp_path: Path) -> None:
    yxyx = np.sort(chance(1, 10, 2, 2, low=0.1, high=0.8), axis=2).reshape(1, 10, 4)
    tables = {
        "detection_boxes": yxyx,
        "detection_classes": RNG.integers(1, 4, (1, 10)),
        "detection_scores": chance(1, 10),
        "num_detections": np.array([10]),
    }
    out = adopt(tmp_path, tables, "--mean", "1e-9", "0", "0", "--std", "1e9", "1e9", "1e9",
                channels_last=True)  # fmt: skip
    own = tables["detection_classes"][0, :, None] == np.arange(1, 4)
    scores = np.where(own, tables["detection_scores"][0, :, None], 0)
    boxes = yxyx[0][:, [1, 0, 3, 2]] * SIDE
    assert_same(look(out), *best_rows(boxes, scores, MOST, SIDE))


HEAD = """
boxes: {output: geometry, format: xywh, unit: fractions}
scores: {output: logits, activation: softmax, background: last}
objectness: {output: there, column: 0, activation: sigmoid}
picture: {colour: bgr, mean: [10, 20, 30], std: [255, 255, 255]}
nms: linear
iou_thresh: 0.4
"""


def test_raw_heads_are_read_as_the_file_says(tmp_path: Path) -> None:
    tables = {
        "geometry": chance(1, 50, 4, low=0.1, high=0.4),
        "logits": chance(1, 50, 4, low=-2, high=2),
        "there": chance(1, 50, 1, low=-2, high=2),
    }
    (tmp_path / "head.yaml").write_text(HEAD)
    out = adopt(tmp_path, tables, "--family", "raw", "--head", str(tmp_path / "head.yaml"))
    found = moved(tables, (FRAME - np.array([10, 20, 30], np.float32)) / 255)
    x, y, w, h = found["geometry"][0].T * SIDE
    boxes = np.stack([x, y, x + w, y + h], axis=1)
    scores = softmax(found["logits"][0])[:, :3] * sigmoid(found["there"][0])
    assert_same(look(out), *best_rows(boxes, scores, MOST, SIDE))
    soft_nms = Detector(out).metadata.soft_nms
    assert (soft_nms.method, soft_nms.iou_thresh) == ("linear", 0.4)


@pytest.mark.parametrize("dtype", [TensorProto.FLOAT16, TensorProto.UINT8])
def test_other_types_of_input_are_fed_as_well(tmp_path: Path, dtype: int) -> None:
    rows = np.concatenate([pixels(N), chance(N, 3)], axis=1)
    tables = {"output0": np.ascontiguousarray(rows.T[None])}
    out = adopt(tmp_path, tables, dtype=dtype)
    picture = RGB01 if dtype == TensorProto.FLOAT16 else RGB01 * 255
    half = {"output0": tables["output0"].astype(np.float16).astype(np.float32)}
    columns = moved(half if dtype == TensorProto.FLOAT16 else tables, picture)["output0"][0]
    boxes, scores = best_rows(centred(columns[:4].T), columns[4:].T, MOST, SIDE)
    # The moves themselves are in 16 bits, which is part of the file.
    found = look(out)
    np.testing.assert_allclose(found.scores.max(axis=1), scores.max(axis=1), rtol=0, atol=2e-3)
    np.testing.assert_allclose(found.boxes_net[0], boxes[0], rtol=0, atol=0.5)
