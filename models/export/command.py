"""Writes a trained network as a model file for the line.

python -m models.export runs/snet49/last.pt models/zoo/thundernet-snet49-street11.onnx
python -m models.export runs/snet49/last.pt fast.onnx --rois 100 --pre-nms 1000
"""

import argparse
from pathlib import Path

import msgspec

from models.arguments import parse_count, parse_positive, parse_share
from models.checkpoint import CheckpointError, load_checkpoint
from models.command import check_outputs, make_parser, run_command
from models.errors import ConfigError
from models.export.channels import BLOCKS, DEFAULT_BLOCK
from models.export.parity import ParityError
from models.export.writer import export, make_card, make_fit
from models.thundernet.input_shape import parse_input_shape
from stages.model.model_file import ModelFileError, SoftNmsDefaults

USER_ERRORS = (CheckpointError, ConfigError, ParityError, ModelFileError, OSError)

NO_CUT = 0.0


def parse_stretch(text: str) -> float:
    value = float(text)
    if not 1 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a factor of at least 1, got {text}")
    return value


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = make_parser("export", __doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path, help="the .onnx file to write")
    parser.add_argument("--name", help="default: thundernet-<backbone>")
    parser.add_argument("--live", action="store_true", help="live weights, not their average")
    parser.add_argument(
        "--rois", type=parse_count, help="RoIs after NMS, default: the checkpoint's"
    )
    parser.add_argument(
        "--pre-nms", type=parse_count, help="boxes before NMS, default: the checkpoint's"
    )
    parser.add_argument(
        "--objectness-cut", type=parse_share, default=NO_CUT, metavar="P",
        help="no RoI below this probability",
    )  # fmt: skip
    parser.add_argument(
        "--block", type=int, choices=BLOCKS, default=DEFAULT_BLOCK,
        help="channels that a tensor is padded to a multiple of; 8 is faster on x86 with AVX2 "
        "alone, slower on AVX-512 and ARM",
    )  # fmt: skip
    parser.add_argument(
        "--input-size", metavar="SIZE",
        help="pixels of a square, or width x height such as 448x256; default: the checkpoint's",
    )  # fmt: skip
    parser.add_argument(
        "--stretch", type=parse_stretch, metavar="RATIO",
        help="frames are scaled in one direction by at most this factor more than in the other, "
        "and padded; default: warped to the input, whatever their shape",
    )  # fmt: skip
    parser.add_argument("--score-thresh", type=parse_share, default=0.3, help="for display")
    parser.add_argument("--soft-nms", default="linear", choices=["linear", "gaussian", "hard"])
    parser.add_argument("--iou-thresh", type=parse_share, default=0.5)
    parser.add_argument("--sigma", type=parse_positive, default=0.5)
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> None:
    check_outputs(options, "out")
    model, meta = load_checkpoint(options.checkpoint, use_ema=not options.live)
    changes = {
        "post_nms_top_n": options.rois,
        "pre_nms_top_n": options.pre_nms,
    }
    given = {name: value for name, value in changes.items() if value is not None}
    model.config = msgspec.structs.replace(model.config, **given)
    soft_nms = SoftNmsDefaults(
        method=options.soft_nms, iou_thresh=options.iou_thresh, sigma=options.sigma
    )
    cut = options.objectness_cut or None
    if cut is not None:
        meta = meta | {"objectness_cut": cut}
    shape = parse_input_shape(options.input_size) if options.input_size else None
    fit = make_fit(model, options.stretch)
    card = make_card(model, meta, soft_nms, options.score_thresh, options.name, fit, shape)
    parity = export(model, card, options.out, cut, options.block)
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB, {parity}")


def main() -> int:
    options = parse_arguments()
    return run_command("export", lambda: run(options), USER_ERRORS)
