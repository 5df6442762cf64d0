"""Makes a published checkpoint of the paper's authors a checkpoint or a model file of ours.

python -m models.convert epoch_80.pth --config configs/train/snet146_coco_authors.yaml \\
    --out snet146_coco.onnx
python -m models.convert epoch_80.pth --config configs/train/snet146_coco_authors.yaml \\
    --out snet146_coco.pt
"""

import argparse
import hashlib
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from models.checkpoint import CheckpointError, save_checkpoint
from models.command import check_outputs, make_parser, run_command
from models.convert.foreign_weights import load_foreign, read_foreign_checkpoint
from models.errors import ConfigError
from models.export.parity import ParityError
from models.export.writer import export, make_card
from models.thundernet.config import ThunderNetConfig
from models.thundernet.thundernet import ThunderNet
from models.train.recipe import load_recipe
from stages.model.model_file import ModelFileError, SoftNmsDefaults

SUFFIXES = (".onnx", ".pt")
# What no shape tells: a checkpoint fits either way, and computes nonsense with the wrong one.
UNPROVEN = ("pool_reduction", "anchor_scales", "anchor_ratios", "pixel_mean", "pixel_std")
SOFT_NMS = SoftNmsDefaults(method="linear", iou_thresh=0.5, sigma=0.5)  # as the authors test
SCORE_THRESH = 0.3  # for display, as models.export has it
USER_ERRORS = (CheckpointError, ConfigError, ParityError, ModelFileError, OSError)


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = make_parser("convert", __doc__)
    parser.add_argument("checkpoint", type=Path, help="as mmdetection saved it")
    parser.add_argument("--config", type=Path, required=True, help="recipe whose `model` it fits")
    parser.add_argument("--out", type=Path, required=True, help=".onnx, or .pt for models.export")
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> None:
    check_outputs(options, "out")
    if options.out.suffix not in SUFFIXES:
        raise ConfigError(f"--out: expected a name in .onnx or .pt, got {options.out}")
    model = ThunderNet(load_recipe(options.config).model).eval()
    checkpoint = read_foreign_checkpoint(options.checkpoint)
    print(f"{options.checkpoint}: {load_foreign(model, checkpoint)}")
    print(f"{options.config}: taken on trust, as no weight tells: {describe(model.config)}")
    sha256 = hashlib.sha256(options.checkpoint.read_bytes()).hexdigest()
    meta = {
        "model": msgspec.to_builtins(model.config),
        "converted_from": {"file": options.checkpoint.name, "sha256": sha256},
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    if options.out.suffix == ".pt":
        weights = model.state_dict()
        save_checkpoint(options.out, {"meta": meta, "ema": weights, "weights": weights})
        print(f"{options.out}: written")
        return
    card = make_card(model, meta | {"sha256": sha256}, SOFT_NMS, SCORE_THRESH)
    parity = export(model, card, options.out)
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB, {parity}")


def describe(config: ThunderNetConfig) -> str:
    values = msgspec.to_builtins(config)
    return ", ".join(f"{name} {values[name]}" for name in UNPROVEN)


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(arguments)
    return run_command("convert", lambda: run(options), USER_ERRORS)
