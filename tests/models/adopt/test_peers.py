"""Real files of other projects on real images, against their own decoding read once more."""

import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.adopt.command import main
from stages.model.detector import Detector
from stages.model.runtime import ort
from tests.models.adopt.foreign_files import (
    assert_same,
    best_rows,
    cells,
    read_distances,
    read_yolox,
)
from tests.running_line import REPOSITORY

pytestmark = pytest.mark.torch

SHARED = REPOSITORY.parent / "shared"
SIDE, MOST, IMAGES = 416, 300, 3


def adopt(peer: Path, out: Path) -> Detector:
    if not peer.exists():
        pytest.skip(f"no {peer}")
    assert main([str(peer), "--labels", "coco", "-o", str(out)]) == 0
    return Detector(out)


def real_frames() -> list[np.ndarray]:
    shard = SHARED / "data/street11/val-00.tar"
    if not shard.exists():
        pytest.skip(f"no {shard}")
    with tarfile.open(shard) as tar:
        members = tar.getmembers()[:: len(tar.getmembers()) // IMAGES][:IMAGES]
        found = [tar.extractfile(member).read() for member in members]  # type: ignore[union-attr]
    decoded = [cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) for data in found]
    return [np.asarray(frame, np.uint8) for frame in decoded if frame is not None]


def run(peer: Path, image: np.ndarray) -> list[np.ndarray]:
    session = ort.InferenceSession(str(peer), providers=["CPUExecutionProvider"])
    planes = image.transpose(2, 0, 1)[None].astype(np.float32)
    found: list[np.ndarray] = session.run(None, {session.get_inputs()[0].name: planes})
    return found


def test_yolox_nano(tmp_path: Path) -> None:
    peer = SHARED / "peers/yolox_nano.onnx"
    detector = adopt(peer, tmp_path / "line.onnx")
    for frame in real_frames():
        scale = min(SIDE / frame.shape[0], SIDE / frame.shape[1])
        size = (round(frame.shape[1] * scale), round(frame.shape[0] * scale))
        picture = np.full((SIDE, SIDE, 3), 114, np.uint8)
        picture[: size[1], : size[0]] = cv2.resize(frame, size)
        boxes, scores = read_yolox(run(peer, picture.astype(np.float32))[0][0], SIDE)
        assert_same(detector.infer(picture), *best_rows(boxes, scores, MOST, SIDE))


def test_nanodet_m(tmp_path: Path) -> None:
    peer = SHARED / "peers/nanodet_m_320.onnx"
    detector = adopt(peer, tmp_path / "line.onnx")
    grid = cells(SIDE, (8, 16, 32))
    for frame in real_frames():
        picture = np.asarray(cv2.resize(frame, (SIDE, SIDE)), np.uint8)
        mean, std = np.array([103.53, 116.28, 123.675]), np.array([57.375, 57.12, 58.395])
        found = run(peer, ((picture - mean) / std).astype(np.float32))
        scores, logits = np.concatenate(found[:3], axis=1)[0], np.concatenate(found[3:], axis=1)[0]
        boxes = read_distances(logits, (grid[:, :2] + 0.5) * grid[:, 2:], grid[:, 2])
        assert_same(detector.infer(picture), *best_rows(boxes, scores, MOST, SIDE))
