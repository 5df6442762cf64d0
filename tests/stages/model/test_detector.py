import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from stages.model.detector import Detector, InferenceError, check_interface, make_session_options
from stages.model.frame_detector import FrameDetector, make_soft_nms
from stages.model.model_file import ModelFileError, read_model_metadata
from stages.model.runtime import ort
from tests.running_line import REPOSITORY

GOLDEN = REPOSITORY / "tests/golden"


@pytest.fixture
def detector(tiny_model: Path) -> Detector:
    return Detector(tiny_model)


def test_metadata_is_that_of_the_file(detector: Detector, tiny_model: Path) -> None:
    assert detector.metadata == read_model_metadata(tiny_model)
    assert detector.make_tensor().shape == (64, 64, 3)
    assert detector.make_tensor().dtype == np.uint8


def test_boxes_and_scores_of_a_frame(detector: Detector) -> None:
    tensor = detector.make_tensor()
    tensor[5, 7] = 204
    boxes, scores = detector.infer(tensor)
    np.testing.assert_array_equal(boxes, [[8, 16, 24, 48], [40, 16, 56, 48]])
    np.testing.assert_allclose(scores, [[0.8, 0, 0], [0, 0, 0.8]], rtol=1e-6)
    assert boxes.dtype == scores.dtype == np.float32


def test_a_result_outlives_the_next_frame(detector: Detector) -> None:
    tensor = detector.make_tensor()
    tensor[:] = 255
    first = detector.infer(tensor).scores
    tensor[:] = 0
    detector.infer(tensor)
    assert first.max() == 1


@pytest.mark.parametrize(
    "tensor",
    [
        np.zeros((32, 64, 3), np.uint8),  # another size
        np.zeros((64, 64, 3), np.float32),  # another type
        np.zeros((1, 64, 64, 3), np.uint8),  # a batch
    ],
)
def test_a_wrong_tensor_is_refused_and_the_next_one_works(
    detector: Detector, tensor: np.ndarray
) -> None:
    with pytest.raises(InferenceError, match=r"inference: .*INVALID_ARGUMENT"):
        detector.infer(tensor)
    assert len(detector.infer(detector.make_tensor()).boxes_net) == 2


@pytest.mark.parametrize(
    ("name", "message"),
    [("nan_scores", "got NaN"), ("nan_boxes", "got NaN"), ("no_candidates", "got none")],
)
def test_what_is_no_number_is_an_error_and_not_nothing(name: str, message: str) -> None:
    """The files are of golden/make_broken.py."""
    path = GOLDEN / f"{name}.onnx"
    with pytest.raises(
        ModelFileError, match=rf"{name}\.onnx': fails on a black frame: .*{message}"
    ):
        Detector(path)


def test_no_thread_beyond_those_asked_for() -> None:
    options = make_session_options(2)
    assert options.intra_op_num_threads == 2
    assert options.inter_op_num_threads == 1
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


def test_missing_file() -> None:
    with pytest.raises(ModelFileError, match=r"nowhere\.onnx': no such file"):
        Detector("nowhere.onnx")


def test_a_graph_that_the_runtime_cannot_load(tmp_path: Path, tiny_model: Path) -> None:
    damaged = tmp_path / "damaged.onnx"
    # One operator renamed; the file's structure and metadata stay whole.
    damaged.write_bytes(tiny_model.read_bytes().replace(b"ReduceMax", b"ReduceMix"))
    with pytest.raises(ModelFileError, match=r"damaged\.onnx': .*ReduceMix"):
        Detector(damaged)


def rewrite(source: Path, target: Path, old: bytes, new: bytes) -> Path:
    """A copy with other metadata of the same length, so that the file stays whole."""
    data = source.read_bytes()
    assert len(old) == len(new)
    assert old in data
    target.write_bytes(data.replace(old, new))
    return target


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"[64, 64]", b"[64, 32]", r"\[32, 64, 3\].*got.*\[64, 64, 3\]"),  # another input size
        (b'"bicycle", "car"', b'"bicycle & car" ', r"\[None, 2\].*got.*\[None, 3\]"),  # a label
    ],
)
def test_metadata_that_the_graph_contradicts(
    tmp_path: Path, tiny_model: Path, old: bytes, new: bytes, message: str
) -> None:
    path = rewrite(tiny_model, tmp_path / "liar.onnx", old, new)
    with pytest.raises(ModelFileError, match=f"graph and metadata disagree: expected.*{message}"):
        Detector(path)


def test_an_output_under_another_name_is_refused(tmp_path: Path, tiny_model: Path) -> None:
    path = rewrite(tiny_model, tmp_path / "renamed.onnx", b"boxes", b"boxen")
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    with pytest.raises(ModelFileError, match=r"'boxes'.*got.*'boxen'"):
        check_interface(path, session, read_model_metadata(path))


def test_detections_come_in_pixels_of_the_frame(detector: Detector) -> None:
    frame = np.full((480, 640, 3), 229, np.uint8)
    found = FrameDetector(detector, make_soft_nms(detector.metadata)).detect(frame)
    np.testing.assert_allclose(found.boxes_xyxy, [[80, 120, 240, 360], [400, 120, 560, 360]])
    np.testing.assert_allclose(found.scores, [229 / 255] * 2, rtol=1e-6)
    assert found.class_ids.tolist() == [0, 2]


def test_a_black_frame_holds_nothing(detector: Detector) -> None:
    frame = np.zeros((480, 640, 3), np.uint8)
    found = FrameDetector(detector, make_soft_nms(detector.metadata)).detect(frame)
    assert found.boxes_xyxy.shape == (0, 4)


def test_frames_of_changing_size(detector: Detector) -> None:
    detect = FrameDetector(detector, make_soft_nms(detector.metadata)).detect
    for width, height in [(64, 64), (1280, 720), (33, 17)]:
        found = detect(np.full((height, width, 3), 255, np.uint8))
        np.testing.assert_allclose(
            found.boxes_xyxy[0] / ([width, height] * 2), [1 / 8, 1 / 4, 3 / 8, 3 / 4], rtol=1e-6
        )


def test_soft_nms_is_that_of_the_model_unless_told_otherwise(detector: Detector) -> None:
    assert make_soft_nms(detector.metadata).score_thresh == 0.3
    lower = make_soft_nms(detector.metadata, score_thresh=0.01, max_detections=7)
    assert (lower.method, lower.iou_thresh, lower.score_thresh) == ("linear", 0.5, 0.01)
    assert lower.max_detections == 7


def test_shipped_model_fits_the_line(repository: Path) -> None:
    path = repository / "models/zoo/thundernet-snet49-street11.onnx"
    if not path.exists():
        pytest.skip(f"no model file at {path}")
    detector = Detector(path)
    assert detector.metadata.labels[:3] == ("person", "bicycle", "car")
    assert len(detector.metadata.labels) == 11
    tensor = np.random.default_rng(0).integers(0, 256, detector.make_tensor().shape, np.uint8)
    boxes, scores = detector.infer(tensor)
    assert 1 <= len(boxes) == len(scores) <= detector.metadata.max_rois
    assert 0 <= boxes.min() <= boxes.max() <= max(detector.metadata.input_wh)
    assert (scores.sum(axis=1) <= 1 + 1e-5).all()  # background has the rest
    np.testing.assert_array_equal(detector.infer(tensor).scores, scores)


def test_frames_leave_no_memory_behind(detector: Detector) -> None:
    tensor = detector.make_tensor()

    def held_after(frames: int) -> int:
        for _ in range(frames):
            detector.infer(tensor)
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    grown = -held_after(200) + held_after(400)
    tracemalloc.stop()
    # The interpreter keeps some small objects for reuse; an array alone takes over 100 bytes.
    assert grown < 400 * 50


def test_one_thread_is_the_one_that_asks(tiny_model: Path) -> None:
    code = (
        "import os; from stages.model.detector import Detector;"
        "before = len(os.listdir('/proc/self/task'));"
        f"detector = Detector({str(tiny_model)!r}, threads=1);"
        "detector.infer(detector.make_tensor());"
        "assert len(os.listdir('/proc/self/task')) == before"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
