"""Draws what a network finds and attends to, its accuracy and its training.

python -m models.visualize detections MODEL.onnx frame.jpg other.jpg
python -m models.visualize detections MODEL.onnx --data street11/val.json --limit 8
python -m models.visualize detections MODEL.onnx --street 3
python -m models.visualize attention runs/snet49/last.pt frame.jpg
python -m models.visualize accuracy models/zoo/*.onnx
python -m models.visualize curves runs/snet49
"""

import argparse
import io
import sys
from pathlib import Path

import cv2
from matplotlib.figure import Figure

from models.arguments import parse_share
from models.checkpoint import CheckpointError, load_checkpoint
from models.command import check_outputs, make_parser, run_command
from models.data.report import DataError, DataReport
from models.errors import ConfigError
from models.train.run_log import plot_curves, read_rows
from models.visualize.accuracy import draw_accuracy, list_scored, read_scored_model
from models.visualize.attention import check_attention, draw_attention
from models.visualize.detections import draw_detection_sheet
from models.visualize.image_sources import RequestError, add_sources, read_images
from models.whole_file import write_whole
from stages.model.detector import Detector
from stages.model.frame_detector import FrameDetector, make_soft_nms
from stages.model.model_file import ModelFileError
from stages.scene.street import SceneError

ZOO = Path(__file__).resolve().parent.parent / "zoo"
DPI = 100
SUFFIXES = (".png", ".jpg")
USER_ERRORS = (
    CheckpointError,
    ConfigError,
    DataError,
    ModelFileError,
    RequestError,
    SceneError,
    OSError,
)


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = make_parser("visualize", __doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    detections = commands.add_parser("detections", help="what a model file finds in images")
    detections.add_argument("model", type=Path, help="the .onnx file")
    add_sources(detections)
    detections.add_argument(
        "--score-thresh", type=parse_share, help="default: the model file's own"
    )
    attention = commands.add_parser("attention", help="the feature map before and after SAM")
    attention.add_argument("checkpoint", type=Path, help="the .pt file")
    add_sources(attention)
    accuracy = commands.add_parser("accuracy", help="AP against operations")
    accuracy.add_argument("models", nargs="*", type=Path, help="default: those of models/zoo")
    curves = commands.add_parser("curves", help="losses, rate and AP of a training run")
    curves.add_argument("run", type=Path, help="its folder")
    for name, command in commands.choices.items():
        default = Path("out") / f"{name}.png"
        command.add_argument("--out", type=Path, default=default, help=f"default: {default}")
    return parser.parse_args(arguments)


def check_suffix(path: Path) -> None:
    if path.suffix not in SUFFIXES:
        raise RequestError(f"--out {path}: expected a name that ends with {' or '.join(SUFFIXES)}")


def save_figure(figure: Figure, path: Path) -> None:
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=DPI, format=path.suffix.removeprefix("."))
    write_whole(path, drawn.getvalue())


def make_detections(options: argparse.Namespace, report: DataReport) -> None:
    detector = Detector(options.model)
    soft_nms = make_soft_nms(detector.metadata, options.score_thresh)
    detect = FrameDetector(detector, soft_nms).detect
    images = read_images(options, report)
    sheet = draw_detection_sheet(images, detect, detector.metadata.labels)
    write_whole(options.out, cv2.imencode(options.out.suffix, sheet)[1].tobytes())


def make_attention(options: argparse.Namespace, report: DataReport) -> None:
    model, _ = load_checkpoint(options.checkpoint)
    check_attention(model)
    images = read_images(options, report)
    save_figure(draw_attention(images, model, model.config.labels), options.out)


def make_accuracy(options: argparse.Namespace, report: DataReport) -> None:
    paths = options.models or list_scored(ZOO, report)
    save_figure(draw_accuracy([read_scored_model(path) for path in paths]), options.out)


def make_curves(options: argparse.Namespace, report: DataReport) -> None:
    train, val = (read_rows(options.run / f"{name}.csv") for name in ("train", "val"))
    if not train and not val:
        raise RequestError(f"{options.run}: expected a run with rows in train.csv or val.csv")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    plot_curves(train, val, options.out)


COMMANDS = {
    "detections": make_detections,
    "attention": make_attention,
    "accuracy": make_accuracy,
    "curves": make_curves,
}


def run(options: argparse.Namespace) -> None:
    report = DataReport()
    check_suffix(options.out)
    check_outputs(options, "out")
    COMMANDS[options.command](options, report)
    for line in report.lines():
        print(f"data: {line}", file=sys.stderr)
    print(options.out)


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(arguments)
    return run_command("visualize", lambda: run(options), USER_ERRORS)
