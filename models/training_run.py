"""A training run in a folder: its log, its checkpoints, and when to stop."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from models.checkpoint import read_checkpoint, save_checkpoint
from models.recipe import Recipe
from models.run_log import CsvLog, plot_curves
from models.schedule import input_size
from models.thundernet.config import ConfigError
from models.trainer import Trainer
from models.training_data import TrainingData
from models.validation import validate

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class TrainingError(RuntimeError):
    """A run that cannot go on, such as one whose loss is no longer a number."""


class TrainingRun:
    """Trains into a folder, from the start or from a checkpoint."""

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

    @contextmanager
    def stopping_on_signals(self) -> Iterator[None]:
        """Ctrl-C and a polite kill stop the run after the iteration in hand."""

        def ask_to_stop(signum: int, frame: FrameType | None) -> None:
            self.stopping = True

        before = {number: signal.signal(number, ask_to_stop) for number in STOP_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def save(self) -> None:
        save_checkpoint(self.out / "last.pt", self.trainer.state())
        plot_curves(self.train_log.rows, self.val_log.rows, self.out / "curves.png")
        self.saved_at = time.monotonic()

    def train(self, data: TrainingData) -> bool:
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

    def judge(self, data: TrainingData, bar: "tqdm[None]") -> None:
        """Scores the averaged weights on the validation images."""
        scores = validate(self.trainer.averaged_model(), data.val, data.judged)
        self.val_log.add({"iteration": self.trainer.iteration, **scores})
        parts = ", ".join(f"{name} {value:.1f}" for name, value in scores.items())
        bar.write(f"iteration {self.trainer.iteration}: {parts}")
