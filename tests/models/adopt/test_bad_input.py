"""Whatever cannot be adopted is one clear error, and nothing is written."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from models.adopt.command import main
from tests.models.adopt.foreign_files import write_foreign
from tests.running_line import REPOSITORY

pytestmark = pytest.mark.torch

YOLOX = {"output": np.full((1, 84, 85), 0.5, np.float32)}  # 84 cells of 64x64 pixels
YOLOV8 = {"output0": np.full((1, 7, 84), 0.5, np.float32)}


def refuse(capsys: pytest.CaptureFixture[str], tmp_path: Path, model: Path, *options: str) -> str:
    out = tmp_path / "out.onnx"
    assert main([str(model), "-o", str(out), *options]) == 1
    assert not out.exists()
    error = capsys.readouterr().err
    assert error.startswith("adopt: ")
    assert "Traceback" not in error
    return error


def test_an_unknown_head_is_told_with_its_outputs_and_how_raw_is_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    model = write_foreign(tmp_path / "a.onnx", {"odd": np.zeros((1, 7, 9, 6), np.float32)})
    error = refuse(capsys, tmp_path, model, "--labels", "coco")
    assert "odd float32 (1, 7, 9, 6)" in error
    assert "boxes: {output: odd, columns: [0, 4]" in error
    assert "--family raw" in error


def test_a_wrong_family_is_told_which_it_looks_like(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    model = write_foreign(tmp_path / "a.onnx", YOLOX)
    error = refuse(capsys, tmp_path, model, "--labels", "coco", "--family", "yolov5")
    assert "they look like yolox" in error


def test_labels_that_do_not_fit(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    model = write_foreign(tmp_path / "a.onnx", YOLOX)
    error = refuse(capsys, tmp_path, model, "--labels", "voc")
    assert "has 80 classes; the labels (voc) are 20" in error
    assert "coco, coco90" in refuse(capsys, tmp_path, model)  # none, and none inside
    assert "absent.txt" in refuse(capsys, tmp_path, model, "--labels", str(tmp_path / "absent.txt"))
    (tmp_path / "twice.txt").write_text("a\nb\na\n")
    twice = refuse(capsys, tmp_path, model, "--labels", str(tmp_path / "twice.txt"))
    assert "twice there: ['a']" in twice
    unknown = refuse(capsys, tmp_path, model, "--labels", "coco", "--keep", "person,unicorn")
    assert "'unicorn'" in unknown


def test_weights_in_another_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    whole = onnx.load(write_foreign(tmp_path / "whole.onnx", YOLOX))
    onnx.save(whole, tmp_path / "a.onnx", save_as_external_data=True, location="a.data",
              size_threshold=0)  # fmt: skip
    error = refuse(capsys, tmp_path, tmp_path / "a.onnx", "--labels", "coco")
    assert "inside the file" in error
    assert "a.data" in error


def test_an_opset_that_is_too_new(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    model = onnx.load(write_foreign(tmp_path / "a.onnx", YOLOX))
    model.opset_import[0].version = 99
    onnx.save(model, tmp_path / "a.onnx")
    error = refuse(capsys, tmp_path, tmp_path / "a.onnx", "--labels", "coco")
    assert f"expected opset {onnx.defs.onnx_opset_version()} at most, got 99" in error


def test_an_open_size_is_asked_for(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "names").write_text("a\nb\nc")
    labels = ("--labels", str(tmp_path / "names"))
    model = write_foreign(tmp_path / "a.onnx", YOLOV8, side="side")
    assert "expected --input-size" in refuse(capsys, tmp_path, model, *labels)
    out = tmp_path / "open.onnx"
    assert main([str(model), "-o", str(out), *labels, "--input-size", "64"]) == 0
    other = refuse(capsys, tmp_path, model, *labels, "--input-size", "128x64")
    assert "128x64" in other  # that many cells it has not
    fixed = write_foreign(tmp_path / "b.onnx", YOLOV8)
    error = refuse(capsys, tmp_path, fixed, *labels, "--input-size", "96")
    assert "expected 64x64, which is fixed in the file, got 96x96" in error


def test_files_that_are_no_detector(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "noise.onnx").write_bytes(bytes(range(256)) * 10)
    assert "noise.onnx" in refuse(capsys, tmp_path, tmp_path / "noise.onnx", "--labels", "coco")
    assert "absent.onnx" in refuse(capsys, tmp_path, tmp_path / "absent.onnx", "--labels", "coco")
    ours = REPOSITORY / "tests/golden/tiny.onnx"
    assert "is a model file of the line already" in refuse(capsys, tmp_path, ours)
    grey = onnx.load(write_foreign(tmp_path / "grey.onnx", YOLOX))
    shape = grey.graph.input[0].type.tensor_type.shape
    shape.dim[1].dim_value = 1
    onnx.save(grey, tmp_path / "grey.onnx")
    assert "expected 3 colours" in refuse(capsys, tmp_path, tmp_path / "grey.onnx")
    grey.graph.input[0].type.tensor_type.elem_type = TensorProto.INT64
    onnx.save(grey, tmp_path / "grey.onnx")
    assert "float or uint8" in refuse(capsys, tmp_path, tmp_path / "grey.onnx")


def test_an_input_that_nobody_knows(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    model = onnx.load(write_foreign(tmp_path / "a.onnx", YOLOX))
    model.graph.input.append(helper.make_tensor_value_info("prompt", TensorProto.FLOAT, [1, 5]))
    onnx.save(model, tmp_path / "a.onnx")
    assert "prompt" in refuse(capsys, tmp_path, tmp_path / "a.onnx", "--labels", "coco")


def test_an_operator_that_the_runtime_lacks(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    model = onnx.load(write_foreign(tmp_path / "a.onnx", YOLOX))
    model.graph.node.append(helper.make_node("EfficientNMS_TRT", ["sum"], ["x"], domain="trt"))
    model.opset_import.append(helper.make_opsetid("trt", 1))
    onnx.save(model, tmp_path / "a.onnx")
    error = refuse(capsys, tmp_path, tmp_path / "a.onnx", "--labels", "coco")
    assert "ONNX Runtime" in error
    assert "trt" in error


def test_heads_of_raw_files(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    model = write_foreign(tmp_path / "a.onnx", {"odd": np.zeros((1, 7, 9), np.float32)})
    head = tmp_path / "head.yaml"
    (tmp_path / "names").write_text("a\nb\nc\nd\ne")
    options = ("--family", "raw", "--labels", str(tmp_path / "names"), "--head", str(head))
    assert "head.yaml" in refuse(capsys, tmp_path, model, *options)
    head.write_text("boxes: {output: odd}\nscores: {output: odd, column: 3}\n")
    assert "`column`" in refuse(capsys, tmp_path, model, *options)
    head.write_text("boxes: {output: even}\nscores: {output: odd, columns: [4, 9]}\n")
    assert "odd float32 (1, 7, 9)" in refuse(capsys, tmp_path, model, *options)
    head.write_text("boxes: {output: odd}\nscores: {output: odd, columns: [4, 11]}\n")
    assert "expected two of 0 to 9" in refuse(capsys, tmp_path, model, *options)
    assert "--head FILE" in refuse(capsys, tmp_path, model, "--family", "raw", "--labels", "coco")


def test_anchors_that_do_not_fit(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    tables = {
        "scores": rng.uniform(-3, 3, (1, 1200, 21)).astype(np.float32),
        "boxes": rng.uniform(-1, 1, (1, 1200, 4)).astype(np.float32),
    }
    model = write_foreign(tmp_path / "a.onnx", tables)
    assert "expected --anchors" in refuse(capsys, tmp_path, model, "--labels", "voc")
    np.save(tmp_path / "anchors.npy", np.zeros((7, 4)))
    given = ("--labels", "voc", "--anchors", str(tmp_path / "anchors.npy"))
    assert "got (7, 4)" in refuse(capsys, tmp_path, model, *given)
    empty = ("--labels", "voc", "--anchors", "/dev/null")
    assert "--anchors /dev/null: expected an .npy file" in refuse(capsys, tmp_path, model, *empty)


def test_a_colour_to_pad_with_needs_a_letterbox(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    model = write_foreign(tmp_path / "a.onnx", YOLOX)
    grey = ("--labels", "coco", "--pad", "114", "114", "114")
    error = refuse(capsys, tmp_path, model, *grey, "--letterbox", "none")
    assert "--pad: expected --letterbox centre or top_left" in error
    assert main([str(model), "-o", str(tmp_path / "padded.onnx"), *grey]) == 0


def test_the_model_is_not_written_over(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    model = write_foreign(tmp_path / "a.onnx", YOLOX)
    before = model.read_bytes()
    assert main([str(model), "-o", str(model), "--labels", "coco"]) == 1
    assert "another file" in capsys.readouterr().err
    assert model.read_bytes() == before
