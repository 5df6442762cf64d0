"""Evaluates a model file with the very code that the line runs.

python -m models.evaluate models/zoo/thundernet-snet49-street11.onnx --data street11/val.json
python -m models.evaluate model.onnx --data val.json --detections found.json --results ap.json
python -m models.evaluate model.onnx --data val.json --half reporting --expect published.json
python -m models.evaluate model.onnx --data val.json --half reporting --class-thresholds
python -m models.evaluate model.onnx --data val.json --cut 16:9
python -m models.evaluate model.onnx --data val.json --light infrared
python -m models.evaluate model.onnx --voc VOCdevkit/VOC2007 --split test
python -m models.evaluate model.onnx --coco annotations/instances_val2017.json --images val2017
python -m models.evaluate model.onnx --clip film.mp4
"""

import argparse
from pathlib import Path

import cv2
import msgspec

from models.arguments import parse_count
from models.command import check_outputs, make_parser, run_command
from models.data.report import DataError, DataReport
from models.errors import ConfigError
from models.evaluate.camera_shape import parse_camera_shape
from models.evaluate.class_thresholds import format_at_class_thresholds, read_class_thresholds
from models.evaluate.clip import count_frames, format_counts
from models.evaluate.dataset_options import check_dataset_options, read_dataset
from models.evaluate.evaluation_set import EvaluationSet, cut_to_shape, take_images
from models.evaluate.halves import HALVES, take_half
from models.evaluate.light import LIGHTS
from models.evaluate.protocol import read_scores
from models.evaluate.results import MAX_DETECTIONS, SCORE_THRESH, find_results
from models.evaluate.source_report import describe_images
from models.whole_file import write_whole
from stages.model.detector import Detector
from stages.model.frame_detector import FrameDetector, make_soft_nms
from stages.model.model_file import ModelFileError


class DeviationError(RuntimeError):
    """The model file does not reproduce its published scores."""


USER_ERRORS = (ConfigError, DataError, DeviationError, ModelFileError, OSError)


def check_options(options: argparse.Namespace) -> None:
    """Raises DataError for options that do not go together, ConfigError for a file that is read and
    written.
    """
    check_dataset_options(options)
    check_outputs(options, "detections", "results")
    if options.half and not options.data:
        raise DataError("--half: expected --data too; nothing else has halves")
    if options.cut and not options.data:
        raise DataError("--cut: expected --data too; VOC and COCO have protocols of their own")
    if options.light and not options.data:
        raise DataError("--light: expected --data too; VOC and COCO have protocols of their own")
    if options.class_thresholds and not options.data:
        raise DataError("--class-thresholds: expected --data too; they are chosen by such a set")
    for name in ("limit", "detections", "results", "expect"):
        if options.clip and getattr(options, name) is not None:
            raise DataError(f"--{name}: expected a set with labels, got --clip {options.clip}")


def report_differences(labels: tuple[str, ...], dataset: EvaluationSet, report: DataReport) -> None:
    """Names the classes that only one of model and set knows."""
    names = set(dataset.labels.values())
    for label in labels:
        if label not in names:
            report.add("class that the set lacks, not evaluated", label)
    for name in dataset.labels.values():
        if name not in labels:
            report.add("class that the model lacks, scores 0", name)


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = make_parser("evaluate", __doc__)
    parser.add_argument("model", type=Path, help="the .onnx file")
    dataset = parser.add_mutually_exclusive_group(required=True)
    dataset.add_argument("--data", type=Path, help="COCO JSON, tars beside it; AP per source")
    dataset.add_argument("--voc", type=Path, help="VOCdevkit/VOC2007 or the like; VOC's mAP")
    dataset.add_argument("--coco", type=Path, help="COCO JSON; COCO's AP")
    dataset.add_argument("--clip", type=Path, help="film; in how many of its frames what is shown")
    parser.add_argument("--split", help="with --voc: a list in ImageSets/Main; default: test")
    parser.add_argument("--images", type=Path, help="with --coco: folder of the images")
    parser.add_argument("--half", choices=HALVES, help="with --data: half of the images")
    parser.add_argument(
        "--cut", type=parse_camera_shape, metavar="16:9",
        help="with --data: wide images cut above and below to the shape of a camera, no others",
    )  # fmt: skip
    parser.add_argument(
        "--light", choices=LIGHTS,
        help="with --data: images as a camera shows them by infrared light, or in little light",
    )  # fmt: skip
    parser.add_argument(
        "--limit", type=parse_count, help="evaluate about this many images, evenly spaced"
    )
    parser.add_argument(
        "--class-thresholds", action="store_true",
        help="with --data: also what is shown at the thresholds in the file's card",
    )  # fmt: skip
    parser.add_argument("--detections", type=Path, help="write COCO results here")
    parser.add_argument("--results", type=Path, help="write the scores as JSON here")
    parser.add_argument("--expect", type=Path, help="scores that must come out, made by --results")
    parser.add_argument("--threads", type=parse_count, default=1)
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> None:
    check_options(options)
    if options.clip:
        count_clip(options)
    else:
        evaluate_set(options)


def count_clip(options: argparse.Namespace) -> None:
    """Prints what the file shows at its own threshold."""
    detector = Detector(options.model, options.threads)
    detect = FrameDetector(detector, make_soft_nms(detector.metadata)).detect
    counts = count_frames(options.clip, detect, detector.metadata.labels)
    print(f"{detector.metadata.name} {detector.metadata.sha256[:12]}")
    print(format_counts(counts))


def evaluate_set(options: argparse.Namespace) -> None:
    for path in (options.detections, options.results):
        if path:  # known before the evaluation, which takes minutes
            path.parent.mkdir(parents=True, exist_ok=True)
    report = DataReport()
    dataset, protocol = read_dataset(options, report)
    published = read_scores(options.expect, [protocol]) if options.expect else None
    if options.half:
        dataset = take_half(dataset, options.half)
    if options.cut:
        dataset = cut_to_shape(dataset, options.cut)
    if options.light:
        dataset = dataset._replace(light=options.light)
    if options.limit:
        dataset = take_images(dataset, options.limit)
    detector = Detector(options.model, options.threads)
    labels = detector.metadata.labels
    thresholds = None
    if options.class_thresholds:
        thresholds = read_class_thresholds(detector.metadata.recipe, options.model.name)
    report_differences(labels, dataset, report)
    soft_nms = make_soft_nms(detector.metadata, SCORE_THRESH, MAX_DETECTIONS)
    detect = FrameDetector(detector, soft_nms).detect
    dataset, results = find_results(detect, labels, dataset, report)
    score = protocol.score(dataset, results)
    shape = str(options.cut) if options.cut else None
    if options.data:
        score = msgspec.structs.replace(score, half=options.half, shape=shape, light=options.light)
    print(f"{detector.metadata.name} {detector.metadata.sha256[:12]}")
    which = describe_images(options.half, shape, options.light)
    print(", ".join([f"{len(dataset.images)} images", *which]))
    print(protocol.format(score))
    if thresholds is not None:
        print(format_at_class_thresholds(dataset, results, thresholds))
    for line in report.lines():
        print(f"data: {line}")
    if options.detections:
        write_whole(options.detections, msgspec.json.encode(results))
    if options.results:
        write_whole(options.results, msgspec.json.format(msgspec.json.encode(score)))
    deviations = protocol.find_deviations(score, published) if published else []
    if deviations:
        raise DeviationError("\n    ".join([f"not as published: {deviations[0]}", *deviations[1:]]))


def main() -> int:
    options = parse_arguments()
    cv2.setNumThreads(options.threads)
    return run_command("evaluate", lambda: run(options), USER_ERRORS)
