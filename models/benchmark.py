"""Prints how many images per second each part of a training step manages.

    OMP_WAIT_POLICY=PASSIVE python -m models.benchmark configs/train/snet49_street11.yaml
    python -m models.benchmark configs/train/snet49_street11_gpu.yaml --sizes 320 --rois 128

Images are noise and boxes random, so no data set is needed. Settings take turns, round by round,
so that a disturbance falls on all of them. Parts are measured with the device waited for between
them, whole steps without; on a GPU the parts therefore sum to more than the step.
"""

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import torch

from models.arguments import parse_count
from models.command import make_parser, run_command
from models.data.augment import augment
from models.data.batches import Batches
from models.data.resident_batches import ResidentBatches, place
from models.data.samples import Samples
from models.errors import ConfigError
from models.thundernet.criterion import TrainingBatch
from models.thundernet.ground_truth import IGNORE, PADDING
from models.train.command import prepare_process
from models.train.process_group import choose_device
from models.train.recipe import Recipe, SizePhase, load_recipe
from models.train.trainer import Trainer

USER_ERRORS = (ConfigError,)
WHOLE = "whole step"
WARM_UP = 4  # steps until memory is reused, and until a compiler is done
BOXES = 12  # per image, some of them padding: about what street11 has


class Setting(NamedTuple):
    size: int  # pixels
    rois: int  # per image


class Timing(NamedTuple):
    median_ms: float
    best_ms: float  # what the machine can do when nothing else runs


Timings = dict[str, Timing]  # by part


class Stopwatch:
    """Milliseconds of named parts, the device's work included."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.taken: dict[str, list[float]] = defaultdict(list)

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        self.wait()
        start = time.perf_counter()
        yield
        self.wait()
        self.taken[name].append(1000 * (time.perf_counter() - start))

    def timings(self) -> Timings:
        return {name: Timing(float(np.median(ms)), min(ms)) for name, ms in self.taken.items()}


def draw_samples(count: int, side: int, classes: int, seed: int = 0) -> Samples:
    """Noise with random boxes, `count` images of it."""
    random = np.random.default_rng(seed)
    corner = random.random((count, BOXES, 2)) * 0.8
    boxes = np.concatenate((corner, corner + random.uniform(0.03, 0.4, corner.shape)), axis=2)
    labels = random.integers(1, classes + 1, (count, BOXES))
    labels[:, -1] = IGNORE
    labels[random.random(labels.shape) < 0.4] = PADDING
    boxes[labels == PADDING] = 0
    images = random.integers(0, 256, (count, 3, side, side), np.uint8)
    names = [f"noise{i}" for i in range(count)]
    everywhere, present = np.ones((count, classes), bool), np.ones(count, bool)
    boxes = boxes.clip(max=1).astype(np.float32)
    return Samples(names, ["noise"] * count, boxes, labels, everywhere, present, images)


def make_trainer(recipe: Recipe, setting: Setting) -> Trainer:
    criterion = msgspec.structs.replace(recipe.criterion, rois_per_image=setting.rois)
    whole_run = (SizePhase(size=setting.size, until=1.0),)
    return Trainer(
        msgspec.structs.replace(recipe, criterion=criterion, sizes=whole_run, multi_scale=())
    )


def time_parts(trainer: Trainer, batches: Batches | ResidentBatches, watch: Stopwatch) -> None:
    """One training step, part by part."""
    recipe, model, criterion = trainer.recipe, trainer.model, trainer.criterion
    size, generator = trainer.size_at(trainer.iteration), trainer.noise()
    with watch.part("data, augment"):
        batch = batches.batch(trainer.iteration).to(trainer.device)
        images, truth = augment(batch, size, model.pixel_mean, recipe.augment, generator)
        images = model.normalize(images).contiguous(memory_format=torch.channels_last)
    anchors = trainer.anchors(size)
    model.train()
    with torch.autocast(trainer.device.type, torch.bfloat16, enabled=recipe.autocast):
        with watch.part("dense forward"):
            dense = trainer.dense(images)
        step = TrainingBatch(dense, anchors, size, truth, generator)
        with watch.part("RPN targets"):
            anchor_targets = criterion.choose_anchors(step)
        with watch.part("proposals, NMS"):
            candidates = criterion.candidates(step)
        with watch.part("RoI sampling"):
            rois = criterion.choose_rois(step, candidates)
        with watch.part("RoI head"):
            output = criterion.pool_and_classify(dense.features, rois.boxes)
        with watch.part("losses"):
            losses = criterion.anchor_losses(dense, anchor_targets)
            losses |= criterion.roi_losses(output, rois, truth)
            losses |= criterion.context_losses(dense, truth)
    with watch.part("backward"):
        trainer.backward(losses)
    with watch.part("optimiser, average"):
        trainer.move()


def benchmark(recipe: Recipe, settings: Sequence[Setting], rounds: int) -> dict[Setting, Timings]:
    """Times of every part under every setting."""
    device = choose_device(recipe.device)
    count = 4 * recipe.batch_size
    samples = draw_samples(count, recipe.data.image_size, recipe.model.num_classes)
    batches = place(Batches([samples], [np.ones(count)], recipe.batch_size, recipe.seed), device)
    trainers = {setting: make_trainer(recipe, setting) for setting in settings}
    watches = {setting: Stopwatch(device) for setting in settings}
    for trainer in trainers.values():
        for _ in range(WARM_UP):
            trainer.step(batches)
    for _ in range(rounds):
        for setting, trainer in trainers.items():
            time_parts(trainer, batches, watches[setting])
            with watches[setting].part(WHOLE):
                trainer.step(batches)
    return {setting: watch.timings() for setting, watch in watches.items()}


def table(setting: Setting, timings: Timings, batch_size: int) -> list[str]:
    """One line per part: milliseconds, images per second and share of the whole step."""
    whole = timings[WHOLE].median_ms
    lines = [
        f"{setting.size} px, {setting.rois} RoIs, batch {batch_size}",
        f"{'':>20} {'ms':>8} {'best':>8} {'img/s':>8} {'best':>8} {'share':>6}",
    ]
    for name, (median, best) in timings.items():
        rates = f"{1000 * batch_size / median:8.1f} {1000 * batch_size / best:8.1f}"
        lines.append(f"{name:>20} {median:8.1f} {best:8.1f} {rates} {100 * median / whole:5.0f}%")
    return lines


def progressive_rate(
    recipe: Recipe, timings: dict[Setting, Timings], rois: int
) -> tuple[float, float] | None:
    """Images per second over the recipe's sizes, median and best, if all of them were measured."""
    starts = (0.0, *(phase.until for phase in recipe.sizes))
    total = np.zeros(2)
    for phase, start in zip(recipe.sizes, starts, strict=False):
        found = timings.get(Setting(phase.size, rois))
        if found is None:
            return None
        total += (phase.until - start) * np.array(found[WHOLE])
    median, best = 1000 * recipe.batch_size / total
    return float(median), float(best)


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = make_parser("benchmark", __doc__)
    parser.add_argument("config", type=Path, help="recipe of a training run")
    parser.add_argument("--sizes", type=int, nargs="+", default=[192, 256, 320], help="pixels")
    parser.add_argument("--rois", type=parse_count, nargs="+", default=[64, 128], help="per image")
    parser.add_argument("--rounds", type=parse_count, default=8)
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> None:
    recipe = load_recipe(options.config)
    settings = [Setting(size, rois) for rois in options.rois for size in options.sizes]
    for setting in settings:
        SizePhase(size=setting.size, until=1.0)  # refuses sizes that do not work
    prepare_process()
    timings = benchmark(recipe, settings, options.rounds)
    for setting, found in timings.items():
        print("\n".join(["", *table(setting, found, recipe.batch_size)]))
    for rois in options.rois:
        if rates := progressive_rate(recipe, timings, rois):
            sizes = ", ".join(f"{phase.size} until {phase.until:g}" for phase in recipe.sizes)
            print(f"\n{sizes}, {rois} RoIs: {rates[0]:.1f} img/s, best {rates[1]:.1f}")


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(arguments)
    return run_command("benchmark", lambda: run(options), USER_ERRORS)


if __name__ == "__main__":
    sys.exit(main())
