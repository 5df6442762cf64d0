"""Makes first weights for a wider backbone out of trained ones, which compute the same maps.

python -m models.train.widening models/zoo/thundernet-snet49-street11.pt runs/snet146.pt \\
    --backbone snet146 --data train.json

A recipe starts with them by `initial_weights: runs/snet146.pt` and `initial_part: network`.
"""

import argparse
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import cv2
import msgspec
import numpy as np
import torch
from torch import Tensor

from models.arguments import parse_count
from models.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from models.command import check_outputs, make_parser, run_command
from models.data.report import DataError, DataReport
from models.errors import ConfigError
from models.evaluate.evaluation_set import (
    no_image_error,
    read_evaluation_set,
    read_frames,
    take_images,
)
from models.thundernet.backbones.plan import PLANS
from models.thundernet.thundernet import ThunderNet
from models.train.widening.conv5 import has_conv5, take_out_conv5
from models.train.widening.network import widen
from stages.kernels.resize import warp_into

BATCH = 20
USER_ERRORS = (CheckpointError, ConfigError, DataError, OSError)


def read_batches(path: Path, count: int, size: int, report: DataReport) -> Iterator[Tensor]:
    """About `count` images of a data set, evenly spaced: BGR (N, 3, S, S) uint8.

    Raises:
        DataError: none of them can be read.
    """
    dataset = take_images(read_evaluation_set(path, report), count)
    batch: list[Tensor] = []
    is_empty = True
    for _, frame in read_frames(dataset, report):
        image = np.empty((size, size, 3), np.uint8)
        warp_into(frame, image)
        batch.append(torch.from_numpy(image).permute(2, 0, 1))
        is_empty = False
        if len(batch) == BATCH:
            yield torch.stack(batch)
            batch.clear()
    if batch:
        yield torch.stack(batch)
    if is_empty:
        raise no_image_error(dataset, report)


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = make_parser("train.widening", __doc__)
    parser.add_argument("checkpoint", type=Path, help="of a narrower network")
    parser.add_argument("out", type=Path, help="the .pt file to write")
    parser.add_argument("--backbone", choices=PLANS, required=True)
    parser.add_argument("--data", type=Path, help="COCO JSON of images to fit CEM with")
    parser.add_argument("--images", type=parse_count, default=2000, help="of --data, about so many")
    parser.add_argument("--seed", type=int, default=0, help="of the shares of repeated channels")
    return parser.parse_args(arguments)


def without_conv5(model: ThunderNet, options: argparse.Namespace) -> ThunderNet:
    """Fitted to the images that the options name; what it keeps is printed."""
    if options.data is None:
        raise ConfigError(f"{options.backbone} has no conv5: expected --data, got none")
    report = DataReport()
    images = read_batches(options.data, options.images, model.config.input_size, report)
    shorter, explained = take_out_conv5(model, images)
    for line in report.lines():
        print(f"data: {line}")
    print(f"CEM without conv5: {explained:.1%} of the variance that conv5 brought")
    return shorter


def run(options: argparse.Namespace) -> None:
    check_outputs(options, "out")
    model, meta = load_checkpoint(options.checkpoint)
    wanted = msgspec.structs.replace(model.config, backbone=options.backbone)
    if has_conv5(model.config) and not has_conv5(wanted):
        model = without_conv5(model, options)
    wide = widen(model, options.backbone, options.seed)
    about = {
        "model": msgspec.to_builtins(wide.config),
        "widened_from": {"file": options.checkpoint.name, "sha256": meta["sha256"]},
        "images": meta.get("images", 0),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    save_checkpoint(options.out, {"ema": wide.state_dict(), "meta": about})
    size = options.out.stat().st_size
    print(f"{options.out}: {size / 1e6:.1f} MB, {options.backbone} with {options.checkpoint.name}")


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    cv2.setNumThreads(1)
    return run_command("widening", lambda: run(options), USER_ERRORS)
