"""Trains ThunderNet as a recipe says.

    python -m models.train configs/train/snet49_street11.yaml --out runs/snet49
    python -m models.train configs/train/snet49_street11.yaml --out runs/snet49 \\
        --resume-from runs/snet49/last.pt

Ctrl-C stops after the iteration in hand and writes `last.pt`. A resumed run equals one that never
stopped, bit for bit, unless `iterations` was changed in the recipe meanwhile.
"""

import argparse
import signal
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import msgspec
import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from models.checkpoint import CheckpointError, read_checkpoint, save_checkpoint
from models.data.augment import augment
from models.data.batches import Batches, image_weights
from models.data.report import DataError, DataReport
from models.data.samples import Samples
from models.data.scene import load_scene
from models.data.street11 import load_street11
from models.evaluation_set import EvaluationSet, read_evaluation_set
from models.optimizer import MovingAverage, make_optimizer, set_rate
from models.recipe import Recipe, load_recipe, street11_folder
from models.run_log import CsvLog, plot_curves
from models.schedule import input_size, rate_factor
from models.thundernet.config import ConfigError
from models.thundernet.criterion import Criterion
from models.thundernet.thundernet import ThunderNet
from models.validation import validate

EXIT_INTERRUPTED = 130
EXIT_REFUSED = 2


class TrainingError(RuntimeError):
    """A run that cannot go on, such as one whose loss is no longer a number."""


class Trainer:
    """The state of a run: model, objective, optimiser, average and the iteration reached."""

    def __init__(self, recipe: Recipe) -> None:
        torch.set_num_threads(recipe.threads)
        torch.manual_seed(recipe.seed)  # initial weights; everything later has its own generator
        self.recipe = recipe
        self.device = torch.device(recipe.device)
        self.iteration = 0
        self.model = ThunderNet(recipe.model).to(self.device, memory_format=torch.channels_last)
        self.criterion = Criterion(self.model, recipe.criterion).to(self.device)
        self.optimizer = make_optimizer(recipe.optimizer, (self.model, self.criterion))
        self.average = MovingAverage(self.model, recipe.ema_decay)
        self.dense = self.model
        if recipe.compile != "no":
            self.criterion.match = torch.compile(self.criterion.match)
        if recipe.compile == "all":
            self.dense = torch.compile(self.model)
            self.criterion.pool_and_classify = torch.compile(self.model.classify)

    def state(self) -> dict[str, Any]:
        """All that a continuation needs; data order and randomness follow from the iteration."""
        recipe = msgspec.to_builtins(self.recipe)
        return {
            "weights": self.model.state_dict(),
            "ema": self.average.state,
            "criterion": self.criterion.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "meta": {
                "model": recipe["model"],
                "recipe": recipe,
                "iteration": self.iteration,
                "images": self.iteration * self.recipe.batch_size,
                "date": datetime.now(UTC).isoformat(timespec="seconds"),
            },
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continues from `state`. What the weights depend on must be as it was; the length of the
        run, its data and its augmentation may change, which is how a run is adapted to its machine.
        """
        then, now = state["meta"]["recipe"], msgspec.to_builtins(self.recipe)
        decisive = ("model", "criterion", "optimizer", "batch_size", "seed")
        changed = [key for key in decisive if then.get(key) != now[key]]
        if changed:
            raise CheckpointError(
                f"resume: the recipe differs from the checkpoint's in {', '.join(changed)}; "
                f"was {[then.get(key) for key in changed]}, is {[now[key] for key in changed]}"
            )
        self.model.load_state_dict(state["weights"])
        self.criterion.load_state_dict(state["criterion"])
        self.optimizer.load_state_dict(state["optimizer"])
        for name, value in state["ema"].items():
            self.average.state[name].copy_(value)
        self.iteration = state["meta"]["iteration"]

    def step(self, batches: Batches) -> dict[str, Tensor]:
        """One iteration; returns its losses, still on the device."""
        recipe = self.recipe
        size = input_size(recipe, self.iteration)
        # Augmentation and sampling depend on seed and iteration alone, so a resumed run repeats.
        generator = torch.Generator().manual_seed((recipe.seed << 32) + self.iteration)
        batch = batches.batch(self.iteration).to(self.device)
        images, truth = augment(batch, size, self.model.pixel_mean, recipe.augment, generator)
        images = self.model.normalize(images).contiguous(memory_format=torch.channels_last)
        anchors = self.model.anchors(size).to(self.device)
        self.model.train()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=recipe.autocast):
            losses = self.criterion(self.dense(images), anchors, size, truth, generator)
        rate = recipe.optimizer.lr * rate_factor(recipe.schedule, self.iteration, recipe.iterations)
        self.update(torch.stack(list(losses.values())).sum(), rate)
        self.iteration += 1
        return {name: loss.detach() for name, loss in losses.items()}

    def update(self, loss: Tensor, rate: float) -> None:
        set_rate(self.optimizer, rate)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        torch.nn.utils.clip_grad_norm_(parameters, self.recipe.optimizer.clip_norm)
        self.optimizer.step()
        self.average.update(self.model, self.iteration)

    def averaged_model(self) -> ThunderNet:
        model = ThunderNet(self.recipe.model).to(self.device, memory_format=torch.channels_last)
        model.load_state_dict(self.average.state)
        return model.eval()


class Data(NamedTuple):
    batches: Batches
    val: Samples
    judged: EvaluationSet  # annotations of `val`, in its order


def load_data(recipe: Recipe) -> Data:
    """Training batches and validation images; problems of the data are printed once."""
    report = DataReport()
    data, labels = recipe.data, recipe.model.labels
    folder, cache = street11_folder(data), Path(data.cache)
    train = load_street11(folder, data.train_split, labels, cache, data.image_size, report)
    val = load_street11(folder, data.val_split, labels, cache, recipe.model.input_size, report)
    sets = [train]
    if data.scene.streets:
        sets.append(load_scene(data.scene, labels, cache, data.image_size))
    for line in report.lines():
        print(f"data: {line}", file=sys.stderr)
    weights = [image_weights(part, data.source_weights, data.rare_below) for part in sets]
    if data.preload:
        sets = [replace(part, images=np.array(part.images)) for part in sets]
    batches = Batches(sets, weights, recipe.batch_size, recipe.seed, recipe.max_boxes)
    return Data(batches, val, read_evaluation_set(folder / f"{data.val_split}.json"))


class Run:
    """A training run in a folder: its log, its checkpoints, and when to stop."""

    def __init__(self, recipe: Recipe, out: Path, resume_from: Path | None) -> None:
        self.recipe, self.out = recipe, out
        self.trainer = Trainer(recipe)
        if resume_from is not None:
            self.trainer.restore(read_checkpoint(resume_from))
        elif (out / "last.pt").exists():
            raise ConfigError(f"{out}: holds a run; pass --resume-from {out / 'last.pt'}")
        out.mkdir(parents=True, exist_ok=True)
        self.train_log = CsvLog(out / "train.csv", self.trainer.iteration)
        self.val_log = CsvLog(out / "val.csv", self.trainer.iteration)
        self.stopping = False
        self.saved_at = time.monotonic()

    def ask_to_stop(self, signum: int, frame: FrameType | None) -> None:
        self.stopping = True

    def save(self) -> None:
        save_checkpoint(self.out / "last.pt", self.trainer.state())
        plot_curves(self.train_log.rows, self.val_log.rows, self.out / "curves.png")
        self.saved_at = time.monotonic()

    def train(self, data: Data) -> bool:
        """Trains to the end or to a request to stop; true at the end."""
        recipe, trainer = self.recipe, self.trainer
        with tqdm(
            total=recipe.iterations, initial=trainer.iteration, unit="it", smoothing=0.02
        ) as bar:
            window, since = [], time.monotonic()
            while trainer.iteration < recipe.iterations and not self.stopping:
                window.append(trainer.step(data.batches))
                bar.update()
                if trainer.iteration % recipe.log_every == 0:
                    self.log(window, time.monotonic() - since, bar)
                    window, since = [], time.monotonic()
                if trainer.iteration % recipe.validate_every == 0:
                    self.judge(data, bar)
                    since = time.monotonic()
                if time.monotonic() - self.saved_at > recipe.checkpoint_seconds:
                    self.save()
        self.save()
        return trainer.iteration >= recipe.iterations

    def log(self, window: list[dict[str, Tensor]], seconds: float, bar: "tqdm[None]") -> None:
        """One row of means over the last iterations; a loss that is no number ends the run."""
        means = {name: torch.stack([w[name] for w in window]).mean().item() for name in window[0]}
        total = sum(means.values())
        iteration = self.trainer.iteration
        if not np.isfinite(total):
            raise TrainingError(f"iteration {iteration}: loss is {total}; parts: {means}")
        speed = len(window) * self.recipe.batch_size / seconds
        row = {
            "iteration": iteration,
            "images": iteration * self.recipe.batch_size,
            "size": input_size(self.recipe, iteration - 1),
            "lr": self.trainer.optimizer.param_groups[0]["lr"],
            "loss": total,
            **{f"loss/{name}": value for name, value in means.items()},
            "images_per_s": speed,
        }
        self.train_log.add(row)
        bar.set_postfix_str(f"loss {total:.3f}, {speed:.1f} img/s, {row['size']} px")

    def judge(self, data: Data, bar: "tqdm[None]") -> None:
        """Scores the averaged weights on the validation images."""
        scores = validate(self.trainer.averaged_model(), data.val, data.judged)
        self.val_log.add({"iteration": self.trainer.iteration, **scores})
        parts = ", ".join(f"{name} {value:.1f}" for name, value in scores.items())
        bar.write(f"iteration {self.trainer.iteration}: {parts}")


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m models.train", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("config", type=Path, help="recipe, a YAML file")
    parser.add_argument("--out", type=Path, help="folder of the run; default runs/<recipe's name>")
    parser.add_argument("--resume-from", type=Path, help="checkpoint to continue")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    args = parse_arguments(arguments)
    out = args.out or Path("runs") / args.config.stem
    try:
        run = Run(load_recipe(args.config), out, args.resume_from)
        data = load_data(run.recipe)
        signal.signal(signal.SIGINT, run.ask_to_stop)
        signal.signal(signal.SIGTERM, run.ask_to_stop)
        finished = run.train(data)
    except (ConfigError, CheckpointError, DataError, TrainingError, FileNotFoundError) as error:
        print(f"train: {error}", file=sys.stderr)
        return EXIT_REFUSED
    return 0 if finished else EXIT_INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
