"""Makes scores mean what they say: of detections scored .7, seven in ten shall be right.

    python -m models.calibrate last.pt model.onnx calibrated.pt --data val.json val-world.json

`model.onnx` is the export of `last.pt` with the settings that ship. One temperature and an offset
for each class are fitted to the detections of the choosing half of the images and folded into the
last layer. The calibration error is printed for both halves.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np

from models.calibrate.calibration import Calibration, fit, fold
from models.calibrate.evidence import SeenSet, gather_evidence
from models.checkpoint import CheckpointError, read_checkpoint, save_checkpoint
from models.command import check_outputs, make_parser, run_command
from models.data.report import DataError, DataReport
from models.errors import ConfigError
from models.evaluate.evaluation_set import read_evaluation_set
from models.evaluate.halves import HALVES, Half, take_half
from models.evaluate.operating_point import match
from models.evaluate.reliability import calibration_error, reliability
from stages.model.detector import Detector
from stages.model.model_file import ModelFileError

USER_ERRORS = (CheckpointError, ConfigError, DataError, ModelFileError, OSError)


def look_at_halves(
    paths: Sequence[Path], detector: Detector, report: DataReport
) -> dict[Half, list[SeenSet]]:
    whole = [read_evaluation_set(path, report) for path in paths]
    return {
        half: [SeenSet(take_half(dataset, half), detector, report) for dataset in whole]
        for half in HALVES
    }


def measure_error(parts: Sequence[SeenSet], calibration: Calibration | None = None) -> float:
    """Expected calibration error over all sets together, in percent points."""
    matched = [match(part.dataset, part.suppress(calibration)[0]) for part in parts]
    together = matched[0]._replace(
        scores=np.concatenate([one.scores for one in matched]),
        is_right=np.concatenate([one.is_right for one in matched]),
    )
    return calibration_error(reliability(together))


def calibrated(state: dict[str, Any], calibration: Calibration) -> dict[str, Any]:
    """The checkpoint `state` with the calibration folded into its averaged weights, and no others.

    What else it holds, such as the optimiser's state, belongs to the weights as they were.
    """
    meta = state["meta"] | {"calibration": msgspec.to_builtins(calibration)}
    return {"ema": fold(state["ema"], calibration), "meta": meta}


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = make_parser("calibrate", __doc__)
    parser.add_argument("checkpoint", type=Path, help="the .pt file with the weights")
    parser.add_argument("model", type=Path, help="the .onnx file that was exported from it")
    parser.add_argument("out", type=Path, help="the .pt file to write")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="COCO JSON files")
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> None:
    check_outputs(options, "out")
    report = DataReport()
    state = read_checkpoint(options.checkpoint)
    detector = Detector(options.model)
    halves = look_at_halves(options.data, detector, report)
    calibration = fit(gather_evidence(halves["choosing"]))
    offsets = zip(detector.metadata.labels, calibration.offsets, strict=True)
    print(
        f"temperature {calibration.temperature:.2f}, offsets "
        + ", ".join(f"{label} {offset:+.2f}" for label, offset in offsets)
    )
    for half, parts in halves.items():
        before, after = measure_error(parts), measure_error(parts, calibration)
        print(f"{half} half: calibration error {before:.1f} points before, {after:.1f} after")
    save_checkpoint(options.out, calibrated(state, calibration))
    for line in report.lines():
        print(f"data: {line}")


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    cv2.setNumThreads(1)
    return run_command("calibrate", lambda: run(options), USER_ERRORS)
