"""Writes into a model file what it was made from and what it reaches.

    python -m models.publish models/zoo/thundernet-snet49-street11.onnx \\
        --origin models/zoo/street11.yaml --scores models/zoo/thundernet-snet49-street11.json \\
        --thresholds runs/snet49-choosing.json

    python -m models.publish yolox.onnx --scores yolox.json

The graph stays as it is. The scores are those that `models.evaluate --results` wrote for this very
file; `model: auto` compares files by them. The origin names commands and data, each with its
licence; of an adopted file they are others' to tell. The thresholds are scores, one for each class,
from which on three of four detections are right, as `models.evaluate --half choosing --results`
found them. All of it stands in the file's metadata as `recipe.published`, beside the recipe that
training left there.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import onnx

from models.command import make_parser, run_command
from models.data.report import DataError
from models.errors import ConfigError
from models.evaluate.protocol import BY_SOURCE, read_scores
from models.evaluate.shown import CLASS_RIGHT
from models.evaluate.source_report import SourceReport
from models.export.onnx_file import PUBLISHED, save_model, set_card
from models.train.recipe import decode_recipe
from stages.model.model_file import ModelFileError, read_model_metadata

DIGITS = 2  # of percentages
USER_ERRORS = (ConfigError, DataError, ModelFileError, OSError)


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str  # as the public knows it
    licence: str


class Origin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model file was made by and of."""

    commands: tuple[str, ...]
    data: tuple[Source, ...]


def rounded(value: Any) -> Any:
    """`value` with every fraction in it rounded."""
    if isinstance(value, dict):
        return {key: rounded(part) for key, part in value.items()}
    return round(value, DIGITS) if isinstance(value, float) else value


def read_thresholds(path: Path) -> dict[str, float | None]:
    """By class, of an evaluation by source of the choosing half.

    Raises:
        DataError: another evaluation, or one that has none.
    """
    report: SourceReport = read_scores(path, [BY_SOURCE])
    found = report.shown.thresholds if report.shown else {}
    if report.half != "choosing" or not found:
        which = f"the {report.half} half" if report.half else "all images"
        raise DataError(
            f"{path}: expected scores with thresholds, of the choosing half, got those of {which}"
            f"{'' if found else ' without thresholds'}"
        )
    return found


def publish(
    path: Path,
    origin: Origin | None,
    scores: Any,
    thresholds: dict[str, float | None] | None = None,
) -> None:
    """Replaces the model file by one that differs in `recipe.published` alone.

    Raises:
        ModelFileError: no model file of ours; it stays as it was.
    """
    metadata = read_model_metadata(path)
    known = {} if origin is None else msgspec.to_builtins(origin)
    published = known | {"scores": rounded(msgspec.to_builtins(scores))}
    if thresholds is not None:
        published["thresholds"] = rounded({"right": CLASS_RIGHT, "by_class": thresholds})
    model = onnx.load(path)
    set_card(model, metadata, recipe=metadata.recipe | {PUBLISHED: published})
    save_model(model, path)


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = make_parser("publish", __doc__)
    parser.add_argument("model", type=Path, help="the .onnx file, changed in place")
    parser.add_argument("--origin", type=Path, help="YAML file: commands and data")
    parser.add_argument("--scores", type=Path, required=True, help="written by models.evaluate")
    parser.add_argument(
        "--thresholds", type=Path, help="written by models.evaluate --half choosing"
    )
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> None:
    origin = decode_recipe(options.origin, Origin) if options.origin else None
    thresholds = read_thresholds(options.thresholds) if options.thresholds else None
    publish(options.model, origin, read_scores(options.scores), thresholds)
    data = f"{len(origin.data)} sources of data, " if origin else ""
    print(f"{options.model}: {data}scores of {options.scores}")


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    return run_command("publish", lambda: run(options), USER_ERRORS)


if __name__ == "__main__":
    sys.exit(main())
