"""Judges a model file by running it through the very stages that the line runs.

python -m models.evaluate models/zoo/thundernet-snet49-street11.onnx --data street11/val.json
python -m models.evaluate model.onnx --data val.json --detections found.json --results ap.json
python -m models.evaluate model.onnx --data val.json --expect docs/published.json
python -m models.evaluate model.onnx --voc VOCdevkit/VOC2007 --split test
python -m models.evaluate model.onnx --coco annotations/instances_val2017.json --images val2017
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import msgspec
from tqdm import tqdm

from models.command import make_parser, run_command
from models.data.coco import read_coco
from models.data.report import DataError, DataReport
from models.data.voc import read_voc
from models.evaluate.average_precision import Result, score_detections
from models.evaluate.evaluation_set import (
    Detect,
    EvaluationSet,
    make_evaluation_set,
    read_evaluation_set,
    read_frames,
    take_images,
)
from models.evaluate.operating_point import format_points, operating_points
from models.evaluate.protocol import BY_SOURCE, COCO, VOC, Protocol, read_scores
from stages.kernels.detections import Detections
from stages.model.detector import Detector
from stages.model.frame_detector import FrameDetector, make_soft_nms
from stages.model.model_file import ModelFileError

# COCO's protocol: AP counts precision at every recall, so low scores are kept, 100 per image.
SCORE_THRESH = 0.01
MAX_DETECTIONS = 100
DISPLAY_THRESHOLDS = (0.25, 0.3, 0.35, 0.4, 0.5, 0.6)


class DeviationError(RuntimeError):
    """The model file does not reproduce its published scores."""


USER_ERRORS = (DataError, DeviationError, ModelFileError, OSError)


def evaluate(
    detect: Detect,
    labels: tuple[str, ...],
    judged: EvaluationSet,
    report: DataReport,
    score: Callable[[EvaluationSet, list[Result]], Any] = score_detections,
) -> tuple[Any, list[Result]]:
    """Score and detections of anything that detects; unreadable images are left out of both.

    Raises:
        DataError: not one image could be read.
    """
    category_of = {name: category_id for category_id, name in judged.labels.items()}
    category_ids = [category_of.get(label) for label in labels]
    read, results = [], []
    frames = read_frames(judged, report)
    for image, frame in tqdm(frames, total=len(judged.images), unit="image", desc=judged.path.stem):
        read.append(image)
        results += to_results(image.image_id, detect(frame), category_ids)
    if not read:
        reasons = "; ".join(report.lines()) or "it lists none"
        raise DataError(f"{judged.path}: expected at least one readable image: {reasons}")
    return score(judged._replace(images=read), results), results


def to_results(image_id: int, found: Detections, category_ids: list[int | None]) -> list[Result]:
    """Detections in the COCO results format; classes that the set does not know are left out."""
    results: list[Result] = []
    rows = zip(found.boxes_xyxy.tolist(), found.scores.tolist(), found.class_ids, strict=True)
    for (x1, y1, x2, y2), score, class_id in rows:
        category_id = category_ids[class_id]
        if category_id is not None:
            bbox = [round(value, 2) for value in (x1, y1, x2 - x1, y2 - y1)]
            result = {"image_id": image_id, "category_id": category_id, "bbox": bbox}
            results.append(result | {"score": round(score, 5)})
    return results


def read_judged(options: argparse.Namespace, report: DataReport) -> tuple[EvaluationSet, Protocol]:
    """What the options name, and how it is judged."""
    if options.voc:
        found = read_voc(options.voc, options.split, report)
        return make_evaluation_set(found), VOC
    if options.coco:
        if options.images is None:
            raise DataError(f"--coco {options.coco}: expected --images, the folder of its images")
        return make_evaluation_set(read_coco(options.coco, options.images, report)), COCO
    return read_evaluation_set(options.data, report), BY_SOURCE


def report_differences(labels: tuple[str, ...], judged: EvaluationSet, report: DataReport) -> None:
    """Names the classes that only one of model and set knows."""
    names = set(judged.labels.values())
    for label in labels:
        if label not in names:
            report.add("class that the set lacks, not judged", label)
    for name in judged.labels.values():
        if name not in labels:
            report.add("class that the model lacks, scores 0", name)


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = make_parser("evaluate", __doc__)
    parser.add_argument("model", type=Path, help="the .onnx file")
    judged = parser.add_mutually_exclusive_group(required=True)
    judged.add_argument("--data", type=Path, help="COCO JSON, tars beside it; AP per source")
    judged.add_argument("--voc", type=Path, help="VOCdevkit/VOC2007 or the like; VOC's mAP")
    judged.add_argument("--coco", type=Path, help="COCO JSON; COCO's AP")
    parser.add_argument("--split", default="test", help="with --voc: a list in ImageSets/Main")
    parser.add_argument("--images", type=Path, help="with --coco: folder of the images")
    parser.add_argument("--limit", type=int, help="judge about this many images, evenly spaced")
    parser.add_argument("--detections", type=Path, help="write COCO results here")
    parser.add_argument("--results", type=Path, help="write the scores as JSON here")
    parser.add_argument("--expect", type=Path, help="scores that must come out, made by --results")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> None:
    report = DataReport()
    judged, protocol = read_judged(options, report)
    published = read_scores(options.expect, [protocol]) if options.expect else None
    if options.limit:
        judged = take_images(judged, options.limit)
    detector = Detector(options.model, options.threads)
    labels = detector.metadata.labels
    report_differences(labels, judged, report)
    soft_nms = make_soft_nms(detector.metadata, SCORE_THRESH, MAX_DETECTIONS)
    detect = FrameDetector(detector, soft_nms).detect
    score, results = evaluate(detect, labels, judged, report, protocol.score)
    print(f"{detector.metadata.name} {detector.metadata.sha256[:12]}")
    print(protocol.format(score))
    if protocol is BY_SOURCE:
        print(format_points(operating_points(judged, results, DISPLAY_THRESHOLDS)))
    for line in report.lines():
        print(f"data: {line}")
    if options.detections:
        options.detections.write_bytes(msgspec.json.encode(results))
    if options.results:
        options.results.write_bytes(msgspec.json.format(msgspec.json.encode(score)))
    deviations = protocol.find_deviations(score, published) if published else []
    if deviations:
        raise DeviationError("\n    ".join([f"not as published: {deviations[0]}", *deviations[1:]]))


def main() -> int:
    options = parse_arguments()
    cv2.setNumThreads(options.threads)
    return run_command("evaluate", lambda: run(options), USER_ERRORS)
