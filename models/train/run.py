"""A training run in a folder: its log, its checkpoints, and when to stop.

Of several processes the first one writes, validates and shows progress; the others only train.
"""

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from models.checkpoint import save_checkpoint
from models.errors import ConfigError
from models.sole_writer import HeldError, holding
from models.thundernet.distributed import Share, own_share, sum_over_processes
from models.train.process_group import Agreement
from models.train.recipe import RunRecipe
from models.train.run_log import CsvLog, plot_curves

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class TrainingError(RuntimeError):
    """A run that cannot go on, such as one whose loss is no longer a number."""


class TrainingData(Protocol):
    @property
    def batches(self) -> Any: ...

    def close(self) -> None: ...


class Trainer(Protocol):
    """What a run needs of the task that it trains."""

    recipe: RunRecipe
    share: Share
    iteration: int
    optimizer: torch.optim.Optimizer

    def begin(self) -> None: ...

    def state(self) -> dict[str, Any]: ...

    def restore(self, state: dict[str, Any]) -> None: ...

    def size_at(self, iteration: int) -> int: ...

    def step(self, batches: Any) -> dict[str, Tensor]: ...

    def validate(self, data: Any) -> dict[str, float]: ...


def check_folder(out: Path, resume_from: Path | None) -> None:
    """Raises ConfigError where a new run would overwrite one."""
    if resume_from is None and (out / "last.pt").exists():
        raise ConfigError(f"{out}: holds a run; pass --resume-from {out / 'last.pt'}")


@contextmanager
def own_folder(out: Path, agreement: Agreement) -> Iterator[None]:
    """No other run writes there meanwhile. Raises ConfigError where one does."""
    with ExitStack() as held:

        def take() -> bool:
            try:
                if own_share().rank == 0:
                    held.enter_context(holding(out))
            except HeldError:
                raise ConfigError(
                    f"{out}: expected a folder of this run alone, got one that another process "
                    "trains in now"
                ) from None
            return True

        agreement.first_then_others(take)
        yield


class TrainingRun:
    """Trains into a folder, from where the trainer is."""

    def __init__(self, trainer: Trainer, out: Path, agreement: Agreement) -> None:
        self.trainer, self.recipe, self.out = trainer, trainer.recipe, out
        self.agreement = agreement
        self.is_first = trainer.share.rank == 0
        if self.is_first:
            out.mkdir(parents=True, exist_ok=True)
            self.train_log = CsvLog(out / "train.csv", trainer.iteration)
            self.val_log = CsvLog(out / "val.csv", trainer.iteration)
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
        if self.is_first:
            save_checkpoint(self.out / "last.pt", self.trainer.state())
            plot_curves(self.train_log.rows, self.val_log.rows, self.out / "curves.png")
        self.saved_at = time.monotonic()

    def train(self, data: TrainingData) -> bool:
        """Trains to the end or to a request to stop; true at the end."""
        recipe, trainer = self.recipe, self.trainer
        with tqdm(
            total=recipe.iterations,
            initial=trainer.iteration,
            unit="it",
            smoothing=0.02,
            disable=not self.is_first,
        ) as bar:
            window, since = [], time.monotonic()
            while trainer.iteration < recipe.iterations and not self.agreement.any(self.stopping):
                window.append(trainer.step(data.batches))
                bar.update()
                if trainer.iteration % recipe.log_every == 0:
                    self.log(window, time.monotonic() - since, bar)
                    window, since = [], time.monotonic()
                if trainer.iteration % recipe.validate_every == 0 and self.is_first:
                    self.validate(data, bar)
                    since = time.monotonic()
                if time.monotonic() - self.saved_at > recipe.checkpoint_seconds:
                    self.save()
        self.save()
        return trainer.iteration >= recipe.iterations

    def log(self, window: list[dict[str, Tensor]], seconds: float, bar: "tqdm[None]") -> None:
        """One row of means over the last iterations; a loss that is no number ends the run."""
        share, iteration = self.trainer.share, self.trainer.iteration
        sums = torch.stack([torch.stack(list(losses.values())) for losses in window]).mean(dim=0)
        values = (sum_over_processes(sums) / share.count).tolist()
        means = dict(zip(window[0], values, strict=True))
        total = sum(values)
        if not np.isfinite(total):
            raise TrainingError(f"iteration {iteration}: loss is {total}; parts: {means}")
        if not self.is_first:
            return
        speed = len(window) * self.recipe.batch_size / seconds
        row = {
            "iteration": iteration,
            "images": iteration * self.recipe.batch_size,
            "size": self.trainer.size_at(iteration - 1),
            "lr": self.trainer.optimizer.param_groups[0]["lr"],
            "loss": total,
            **{f"loss/{name}": value for name, value in means.items()},
            "images_per_s": speed,
        }
        self.train_log.add(row)
        bar.set_postfix_str(f"loss {total:.3f}, {speed:.1f} img/s, {row['size']} px")

    def validate(self, data: TrainingData, bar: "tqdm[None]") -> None:
        scores = self.trainer.validate(data)
        self.val_log.add({"iteration": self.trainer.iteration, **scores})
        parts = ", ".join(f"{name} {value:.1f}" for name, value in scores.items())
        bar.write(f"iteration {self.trainer.iteration}: {parts}")
