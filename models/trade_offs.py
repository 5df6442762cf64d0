"""What the deployed settings cost: boxes before NMS, RoIs and suppression, in accuracy and time.

    python -m models.trade_offs models/zoo/thundernet-snet49-street11.pt --data street11/val.json
    python -m models.trade_offs last.pt --data val.json --rois 100 50 --cut 0 .3 .5 --limit 200
    python -m models.trade_offs last.pt --data val.json --boxes 1000 --rois 100 --sigma .3 .4 .5

Every graph sees each image in turn, and each way to suppress gets the same RoIs, so a disturbance
falls on all of them. The table is Markdown; times are medians on one core, of the graph and of the
suppression at the score floor of the evaluation, under which most pairs compete.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from models.arguments import parse_count, parse_positive, parse_share
from models.checkpoint import CheckpointError, load_checkpoint
from models.command import make_parser, run_command
from models.data.report import DataError, DataReport
from models.errors import ConfigError
from models.evaluate.average_precision import Score, score_detections
from models.evaluate.evaluation_set import (
    EvaluationSet,
    no_image_error,
    read_evaluation_set,
    read_frames,
    take_images,
)
from models.evaluate.results import (
    MAX_DETECTIONS,
    SCORE_THRESH,
    Result,
    categories_of,
    detections_to_results,
)
from models.export.parity import ParityError
from models.export.writer import export, make_card
from stages.kernels.decay import Method
from stages.kernels.resize import warp_into
from stages.kernels.soft_nms import SoftNms
from stages.model.detector import Detector
from stages.model.model_file import ModelFileError, SoftNmsDefaults

NO_CUT = 0.0
SIGMA = 0.5  # of the paper on Soft-NMS
NS_PER_MS, NS_PER_US = 1e6, 1e3
USER_ERRORS = (CheckpointError, ConfigError, DataError, ModelFileError, ParityError, OSError)
HEADER = """\
| boxes before NMS | RoIs | objectness cut | suppression | AP50 | AP | RoIs found | graph, ms | \
suppression, µs |
|---|---|---|---|---|---|---|---|---|"""


class Setting(NamedTuple):
    """Of an exported graph."""

    boxes: int  # before NMS
    rois: int  # after it, at most
    cut: float  # least objectness of a RoI


class Trial:
    """One graph, and everything measured with it."""

    def __init__(self, setting: Setting, detector: Detector, ways: Mapping[str, SoftNms]) -> None:
        self.setting = setting
        self.detector = detector
        self.ways = ways
        self.results: dict[str, list[Result]] = {name: [] for name in ways}
        self.suppress_ns: dict[str, list[int]] = {name: [] for name in ways}
        self.infer_ns: list[int] = []
        self.rois: list[int] = []

    def look(
        self, image_id: int, frame_wh: tuple[int, int], tensor: NDArray[np.uint8],
        category_ids: list[int | None],
    ) -> None:  # fmt: skip
        start_ns = time.perf_counter_ns()
        boxes, scores = self.detector.infer(tensor)
        self.infer_ns.append(time.perf_counter_ns() - start_ns)
        self.rois.append(len(boxes))
        for name, nms in self.ways.items():
            start_ns = time.perf_counter_ns()
            found = nms.suppress(boxes, scores)
            self.suppress_ns[name].append(time.perf_counter_ns() - start_ns)
            found = found.to_frame(self.detector.metadata.place(frame_wh), frame_wh)
            self.results[name] += detections_to_results(image_id, found, category_ids)

    def rows(self, dataset: EvaluationSet) -> Iterator[str]:
        for name in self.ways:
            score: Score = score_detections(dataset, self.results[name])
            cells = (
                self.setting.boxes, self.setting.rois, self.setting.cut or "none", name,
                f"{score.ap50:.1f}", f"{score.ap:.1f}", f"{sum(self.rois) / len(self.rois):.0f}",
                f"{median(self.infer_ns) / NS_PER_MS:.2f}",
                f"{median(self.suppress_ns[name]) / NS_PER_US:.0f}",
            )  # fmt: skip
            yield f"| {' | '.join(map(str, cells))} |"


def ways_to_suppress(sigmas: Sequence[float]) -> dict[str, SoftNms]:
    """By name: linear, gaussian of each width, and the plain way."""

    def make(method: Method, sigma: float) -> SoftNms:
        return SoftNms(
            method=method, sigma=sigma, score_thresh=SCORE_THRESH, max_detections=MAX_DETECTIONS
        )

    gaussian = {f"gaussian {sigma:g}": make("gaussian", sigma) for sigma in sigmas}
    return {"linear": make("linear", SIGMA), **gaussian, "hard": make("hard", SIGMA)}


def make_trials(
    checkpoint: Path, settings: Sequence[Setting], ways: Mapping[str, SoftNms]
) -> list[Trial]:
    """A graph of the checkpoint's network for every setting, loaded and warm."""
    model, meta = load_checkpoint(checkpoint)
    config = model.config
    trials = []
    with TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        for setting in tqdm(settings, desc="export", unit="graph"):
            model.config = msgspec.structs.replace(
                config, pre_nms_top_n=setting.boxes, post_nms_top_n=setting.rois
            )
            soft_nms = SoftNmsDefaults(method="linear", iou_thresh=0.5, sigma=SIGMA)
            card = make_card(model, meta, soft_nms, SCORE_THRESH)
            export(model, card, path, setting.cut or None)
            trials.append(Trial(setting, Detector(path), ways))
    return trials


def measure(trials: Sequence[Trial], dataset: EvaluationSet, report: DataReport) -> EvaluationSet:
    """Every trial on every image; returns the set without those that cannot be read.

    Raises:
        DataError: not one image could be read.
    """
    category_ids = categories_of(trials[0].detector.metadata.labels, dataset)
    tensor = trials[0].detector.make_tensor()
    read = []
    for image, frame in tqdm(read_frames(dataset, report), total=len(dataset.images), unit="image"):
        read.append(image)
        warp_into(frame, tensor)
        for trial in trials:
            trial.look(image.image_id, (frame.shape[1], frame.shape[0]), tensor, category_ids)
    if not read:
        raise no_image_error(dataset, report)
    return dataset._replace(images=read)


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = make_parser("trade_offs", __doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="COCO JSON to evaluate on")
    parser.add_argument(
        "--boxes", type=parse_count, nargs="+", default=[2000, 1000], help="before NMS"
    )
    parser.add_argument(
        "--rois", type=parse_count, nargs="+", default=[200, 100, 50], help="after NMS"
    )
    parser.add_argument(
        "--cut",
        type=parse_share,
        nargs="+",
        default=[NO_CUT],
        help="least objectness of a RoI; 0: none",
    )
    parser.add_argument(
        "--sigma", type=parse_positive, nargs="+", default=[SIGMA], help="of gaussian Soft-NMS"
    )
    parser.add_argument(
        "--limit", type=parse_count, help="evaluate about this many images, evenly spaced"
    )
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> None:
    report = DataReport()
    dataset = read_evaluation_set(options.data, report)
    if options.limit:
        dataset = take_images(dataset, options.limit)
    settings = [Setting(*values) for values in product(options.boxes, options.rois, options.cut)]
    trials = make_trials(options.checkpoint, settings, ways_to_suppress(options.sigma))
    dataset = measure(trials, dataset, report)
    for line in report.lines():
        print(f"data: {line}")
    print(HEADER)
    for trial in trials:
        for row in trial.rows(dataset):
            print(row)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    cv2.setNumThreads(1)
    return run_command("trade_offs", lambda: run(options), USER_ERRORS)


if __name__ == "__main__":
    sys.exit(main())
