"""Weights beside one another, each as the model file that it would ship as.

    python -m models.candidates runs/a/last.pt runs/b/last.pt models/zoo/shipped.pt \\
        --data street11/val.json street11/val-world.json --clip people.mp4 --out runs/candidates

Of every checkpoint the averaged weights are exported with the settings that ship, calibrated and
exported again; the file is then evaluated. All that is measured, and the calibration, is of the
choosing half of the images, so the reporting half stays unseen by whoever chooses from the table
(`--half reporting` is for the one that was chosen). The table is Markdown. AP50 beyond that of the
first candidate comes with what chance does to it: in 95 of 100 draws of the same images, with
replacement, the difference lies between the two figures.

A candidate has a folder of its own. Ctrl-C stops; the same command goes on, and what is measured is
not measured again.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2

from models.candidates.candidate import Candidate, Measured, Part, find_clip, identify
from models.candidates.table import cells, clip_cell, header, table_row
from models.checkpoint import CheckpointError
from models.command import make_parser, run_command
from models.data.report import DataError, DataReport
from models.errors import ConfigError
from models.evaluate.evaluation_set import EvaluationSet, read_evaluation_set
from models.evaluate.halves import HALVES, take_half
from models.evaluate.light import LIGHTS
from models.export.parity import ParityError
from models.thundernet.input_shape import parse_input_shape
from stages.model.model_file import ModelFileError

RUN_FILES = ("last", "best")  # such as a run calls its checkpoints
USER_ERRORS = (
    CheckpointError, ConfigError, DataError, ModelFileError, ParityError, OSError,
)  # fmt: skip


def name_candidates(checkpoints: Sequence[Path]) -> list[str]:
    """Runs are called by their folders, other files by their own names.

    Raises:
        ConfigError: two would be called the same.
    """
    names = [
        path.resolve().parent.name if path.stem in RUN_FILES else path.stem for path in checkpoints
    ]
    check_distinct("checkpoints", names)
    return names


def check_distinct(what: str, names: Sequence[str]) -> None:
    """Raises ConfigError where two are called the same."""
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{what}: expected different names, got two of {name}")


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = make_parser("candidates", __doc__)
    parser.add_argument("checkpoints", type=Path, nargs="+", metavar="CHECKPOINT")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="COCO JSON files")
    parser.add_argument("--half", choices=HALVES, default="choosing", help="default: choosing")
    parser.add_argument(
        "--light", choices=LIGHTS, nargs="+", default=[],
        help="the first of the sets in this light too",
    )  # fmt: skip
    parser.add_argument("--clip", type=Path, nargs="+", default=[], help="films without labels")
    parser.add_argument("--input-size", metavar="SIZE", help="default: each checkpoint's")
    parser.add_argument("--out", type=Path, default=Path("runs/candidates"), help="their folder")
    return parser.parse_args(arguments)


def plan_parts(options: argparse.Namespace, whole: Sequence[EvaluationSet]) -> list[Part]:
    halves = [take_half(dataset, options.half) for dataset in whole]
    lit = [Part(halves[0]._replace(light=light), options.half) for light in options.light]
    return [*(Part(half, options.half) for half in halves), *lit]


def run(options: argparse.Namespace) -> None:
    report = DataReport()
    shape = parse_input_shape(options.input_size) if options.input_size else None
    names = name_candidates(options.checkpoints)
    check_distinct("--data", [path.stem for path in options.data])
    check_distinct("--clip", [path.stem for path in options.clip])
    candidates = [
        Candidate(name, path, options.out / name, shape)
        for name, path in zip(names, options.checkpoints, strict=True)
    ]
    whole = [read_evaluation_set(path, report) for path in options.data]
    clips = [find_clip(path) for path in options.clip]
    identities = {dataset.name: identify(dataset, report) for dataset in whole}
    for candidate in candidates:
        candidate.claim(identities)
    choosing = [take_half(dataset, "choosing") for dataset in whole]
    parts = plan_parts(options, whole)
    print("\n".join(header(parts, clips)), flush=True)
    problems: list[str] = []
    first: list[Measured] = []
    for candidate in candidates:
        print(candidate.name, file=sys.stderr)
        candidate.write_model(choosing, report)
        measured = [candidate.measure(part) for part in parts]
        first = first or measured
        row = [cell for each in zip(parts, measured, first, strict=True) for cell in cells(*each)]
        row += [clip_cell(candidate.count(clip)) for clip in clips]
        print(table_row([candidate.name, *row]), flush=True)
        problems += [line for each in measured for line in each.problems]
    for line in dict.fromkeys([*report.lines(), *problems]):
        print(f"data: {line}")


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    cv2.setNumThreads(1)
    going_on = "interrupted; the same command goes on"
    return run_command("candidates", lambda: run(options), USER_ERRORS, going_on)
