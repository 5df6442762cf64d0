"""Writes the 8-bit version of a model file, if it detects as well.

python -m models.quantize snet49.onnx snet49-int8.onnx --data train.json --val val.json
python -m models.quantize snet49.onnx arm.onnx --data train.json --val val.json --scheme s8s8

The model is one of models.export or models.adopt. All parts of the network that gain are put into
8 bits and evaluated. When that costs --tolerance of AP or more, or with --measure-parts, each part
is quantised and evaluated alone, and those that cost more than --part-tolerance stay float32.
Nothing is written when the rest still costs --tolerance. The time of both is measured in turns, on
this machine: others may gain more or less, and `model: auto` finds out.
"""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray

from models.arguments import parse_count, parse_tolerance
from models.command import check_outputs, make_parser, run_command
from models.data.report import DataError, DataReport
from models.errors import ConfigError
from models.evaluate.average_precision import Score, score_detections
from models.evaluate.evaluation_set import (
    EvaluationSet,
    keep_labels,
    no_image_error,
    read_evaluation_set,
    read_frames,
    take_images,
)
from models.evaluate.results import MAX_DETECTIONS, SCORE_THRESH, find_results
from models.export.onnx_file import save_model
from models.quantize.calibration import measure_ranges
from models.quantize.card import label_quantized
from models.quantize.division import divide
from models.quantize.scheme import SCHEMES, quantize
from models.quantize.timing import time_in_turns
from stages.kernels.fitter import fit_into
from stages.model.detector import Detector
from stages.model.frame_detector import FrameDetector, make_soft_nms
from stages.model.model_file import ModelCard, ModelFileError, read_model_metadata

# What quantizers write: pairs around operators, or operators of their own.
EIGHT_BITS = {"QuantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "ConvInteger"}
Quantize = Callable[[Sequence[str]], onnx.ModelProto]


class QuantizationError(RuntimeError):
    """A model that detects too badly in 8 bits."""


USER_ERRORS = (ConfigError, DataError, ModelFileError, QuantizationError, OSError)


def read_tensors(
    path: Path, count: int, card: ModelCard, report: DataReport
) -> list[NDArray[np.uint8]]:
    """About `count` frames of a data set, evenly spaced, as the line brings them to the network."""
    tensors = []
    dataset = take_images(read_evaluation_set(path, report), count)
    for _, frame in read_frames(dataset, report):
        tensor = np.empty((card.input_wh[1], card.input_wh[0], 3), np.uint8)
        fit_into(frame, tensor, card.fit)
        tensors.append(tensor)
    if not tensors:
        raise no_image_error(dataset, report)
    return tensors


def load_graph(model: onnx.ModelProto) -> Detector:
    with TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        onnx.save(model, path)
        return Detector(path)


def score_graph(model: onnx.ModelProto, dataset: EvaluationSet) -> Score:
    """AP of a graph, as models.evaluate measures it."""
    detector = load_graph(model)
    labels = detector.metadata.labels
    soft_nms = make_soft_nms(detector.metadata, SCORE_THRESH, MAX_DETECTIONS)
    detect = FrameDetector(detector, soft_nms).detect
    return score_detections(*find_results(detect, labels, dataset, DataReport()))


def read_common(path: Path, labels: Sequence[str], report: DataReport) -> EvaluationSet:
    """The set, evaluated for the classes that the model has, too."""
    dataset = read_evaluation_set(path, report)
    if not set(labels).intersection(dataset.labels.values()):
        raise DataError(
            f"{path}: expected boxes of the model's classes ({', '.join(labels)}), got those of "
            f"{', '.join(dataset.labels.values())}"
        )
    return keep_labels(dataset, labels)


def find_parts(path: Path, model: onnx.ModelProto) -> list[str]:
    """The parts that may compute in 8 bits.

    Raises:
        QuantizationError: there are none, or the file computes in 8 bits already.
    """
    kinds = {node.op_type for node in model.graph.node} & EIGHT_BITS
    if kinds:
        raise QuantizationError(
            f"{path}: expected a float32 network, got one that computes in 8 bits already: "
            f"{', '.join(sorted(kinds))}"
        )
    parts = list(divide(model))
    if not parts:
        raise QuantizationError(
            f"{path}: expected convolutions between the first and the last ones of a network, "
            "which is what gains by 8 bits; found none"
        )
    return parts


def choose_parts(
    parts: Sequence[str], make: Quantize, dataset: EvaluationSet, before: Score, tolerance: float
) -> list[str]:
    """The parts that cost no more than `tolerance` of AP each, measured one by one."""
    chosen = []
    print(f"{'float32':<18} AP {before.ap:6.2f}  AP50 {before.ap50:6.2f}")
    for part in parts:
        after = score_graph(make([part]), dataset)
        stays = before.ap - after.ap > tolerance
        verdict = "  stays float32" if stays else ""
        print(f"{part:<18} AP {after.ap:6.2f}  AP50 {after.ap50:6.2f}{verdict}")
        if not stays:
            chosen.append(part)
    if not chosen:
        raise QuantizationError(f"expected a part that costs at most {tolerance} AP, found none")
    return chosen


def check_fall(before: Score, after: Score, tolerance: float) -> str:
    """What quantisation costs on the whole set.

    Raises:
        QuantizationError: `tolerance` of AP or more.
    """
    fall = before.ap - after.ap
    summary = (
        f"AP {before.ap:.2f} -> {after.ap:.2f}, AP50 {before.ap50:.2f} -> {after.ap50:.2f} "
        f"on {sum(source.images for source in after.sources.values())} images"
    )
    if not fall < tolerance:  # negated, so that NaN fails
        raise QuantizationError(f"expected AP to fall by less than {tolerance}, got {summary}")
    return summary


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = make_parser("quantize", __doc__)
    parser.add_argument("model", type=Path, help="a float32 model file")
    parser.add_argument("out", type=Path, help="the .onnx file to write")
    parser.add_argument("--data", type=Path, required=True, help="COCO JSON to calibrate with")
    parser.add_argument("--val", type=Path, required=True, help="COCO JSON to evaluate on")
    parser.add_argument("--scheme", choices=SCHEMES, default="u8s7", help="u8s7 runs on any x86")
    parser.add_argument("--images", type=parse_count, default=200, help="to calibrate with")
    parser.add_argument("--measure-parts", action="store_true", help="also where all are good")
    parser.add_argument(
        "--part-tolerance", type=parse_tolerance, default=0.2, help="AP that one may cost"
    )
    parser.add_argument(
        "--tolerance", type=parse_tolerance, default=0.5, help="AP that they may cost"
    )
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> None:
    check_outputs(options, "out")
    metadata = read_model_metadata(options.model)
    model = onnx.load(options.model)
    parts = find_parts(options.model, model)
    report = DataReport()
    dataset = read_common(options.val, metadata.labels, report)
    tensors = read_tensors(options.data, options.images, metadata, report)
    for line in report.lines():
        print(f"data: {line}")
    ranges = measure_ranges(model, tensors)
    make = partial(quantize, model, ranges, scheme=SCHEMES[options.scheme])
    quantized = make(parts)
    before, after = score_graph(model, dataset), score_graph(quantized, dataset)
    if options.measure_parts or before.ap - after.ap >= options.tolerance:
        parts = choose_parts(parts, make, dataset, before, options.part_tolerance)
        quantized = make(parts)
        after = score_graph(quantized, dataset)
    summary = check_fall(before, after, options.tolerance)
    label_quantized(quantized, metadata, options.scheme, parts, len(tensors))
    save_model(quantized, options.out)
    slow, fast = time_in_turns([load_graph(model), load_graph(quantized)], tensors)
    size = f"{options.out.stat().st_size / 1e6:.1f} MB"
    print(f"{slow:.1f} -> {fast:.1f} ms of CPU time for the graph on this machine")
    print(f"{options.out}: {size}, {options.scheme}, {summary}")


def main() -> int:
    options = parse_arguments()
    cv2.setNumThreads(1)
    return run_command("quantize", lambda: run(options), USER_ERRORS)
