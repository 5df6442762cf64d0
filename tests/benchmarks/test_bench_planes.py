"""How well a model finds things in planes of luma and chroma, beside the same images in BGR."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from models.data.report import DataReport
from models.evaluate.evaluation_set import read_evaluation_set, read_frames
from models.evaluate.protocol import BY_SOURCE
from models.evaluate.results import (
    MAX_DETECTIONS,
    SCORE_THRESH,
    Result,
    categories_of,
    detections_to_results,
)
from stages.kernels.picture import Layout, Picture, PictureFormat, bgr_format
from stages.kernels.warp import Warper
from stages.model.detector import Detector
from stages.model.frame_detector import make_soft_nms
from tests.benchmarks.report import Row, bench_model, report

pytestmark = pytest.mark.bench

_MOST_LOSS = 0.1  # AP


def to_bgr(image: np.ndarray) -> Picture:
    height, width = image.shape[:2]
    return Picture(bgr_format(width, height), image.reshape(-1))


def to_planes(image: np.ndarray) -> Picture:
    """As a camera would have sent it; OpenCV halves chroma of even sizes only."""
    height, width = (side - side % 2 for side in image.shape[:2])
    planes = cv2.cvtColor(image[:height, :width], cv2.COLOR_BGR2YUV_I420)
    return Picture(
        PictureFormat(Layout.I420, width, height), np.asarray(planes, np.uint8).reshape(-1)
    )


def test_planes_are_as_good_as_bgr(shared: Path) -> None:
    dataset = read_evaluation_set(shared / "data/street11/val.json", DataReport())
    detector = Detector(bench_model())
    soft_nms = make_soft_nms(detector.metadata, SCORE_THRESH, MAX_DETECTIONS)
    categories = categories_of(detector.metadata.labels, dataset)
    warper = Warper(detector.metadata.input_wh)
    tensor, ways = detector.make_tensor(), {"BGR": to_bgr, "planes": to_planes}
    results: dict[str, list[Result]] = {way: [] for way in ways}
    read = []
    for image, frame in read_frames(dataset, DataReport()):
        read.append(image)
        for way, convert in ways.items():
            warper.warp(convert(frame), tensor)
            found = soft_nms.suppress(*detector.infer(tensor))
            frame_wh = (frame.shape[1], frame.shape[0])
            found = found.to_frame(detector.metadata.place(frame_wh), frame_wh)
            results[way] += detections_to_results(image.image_id, found, categories)
    dataset = dataset._replace(images=read)
    scores = {way: BY_SOURCE.score(dataset, results[way]) for way in ways}
    rows: list[Row] = [
        {"pictures": way, "AP": score.ap, "AP50": score.ap50} for way, score in scores.items()
    ]
    report("planes", f"{len(read)} images of val, mean over sources", rows)
    assert scores["planes"].ap > scores["BGR"].ap - _MOST_LOSS
