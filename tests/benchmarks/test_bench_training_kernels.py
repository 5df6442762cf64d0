"""What the kernels of `models/thundernet/native` gain in a training step, in turns with torch.

Times are processor time of the one thread that works, so that other processes on the core hardly
count.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the training extra")

import msgspec
import numpy as np
import torch

import models.benchmark
from models.benchmark import Setting, Stopwatch, draw_samples, make_trainer, time_parts
from models.data.batches import Batches
from models.thundernet.native.library import library
from models.train.command import prepare_process
from models.train.recipe import load_recipe

pytestmark = [pytest.mark.bench, pytest.mark.torch]

RECIPES = ("configs/train/snet49_street11_people.yaml", "configs/train/snet146_street11_352.yaml")
ROUNDS = 4


class ProcessorTime:
    """Stands in for the module `time`."""

    perf_counter = staticmethod(time.thread_time)


@pytest.fixture(autouse=True)
def processor_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    threads = torch.get_num_threads()
    monkeypatch.setattr(models.benchmark, "time", ProcessorTime)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("path", RECIPES)
def test_kernels_beside_the_operators_of_torch(path: str, repository: Path) -> None:
    recipe = load_recipe(repository / path)
    recipe = msgspec.structs.replace(recipe, initial_weights=None, threads=1)
    prepare_process()
    samples = draw_samples(2 * recipe.batch_size, 320, recipe.model.num_classes)
    batches = Batches([samples], [np.ones(len(samples.names))], recipe.batch_size, recipe.seed)
    setting = Setting(320, recipe.criterion.rois_per_image)
    trainers = {name: make_trainer(recipe, setting) for name in ("torch", "kernels")}
    watches = {name: Stopwatch(torch.device("cpu")) for name in trainers}
    for round_ in range(ROUNDS + 1):
        for name, trainer in trainers.items():
            library.enabled = name == "kernels"
            watch = watches[name] if round_ else Stopwatch(torch.device("cpu"))  # the first warms
            time_parts(trainer, batches, watch)
    library.enabled = True
    best = {
        name: {part: min(taken) for part, taken in watch.taken.items()}
        for name, watch in watches.items()
    }
    print(f"\n{path}: best of {ROUNDS} steps of {recipe.batch_size} images, processor time, ms")
    print(f"{'':>20} {'torch':>8} {'kernels':>8} {'ratio':>6}")
    for part, ms in best["torch"].items():
        print(
            f"{part:>20} {ms:8.1f} {best['kernels'][part]:8.1f} {ms / best['kernels'][part]:6.2f}"
        )
    whole = {name: sum(parts.values()) for name, parts in best.items()}
    rates = {name: 1000 * recipe.batch_size / ms for name, ms in whole.items()}
    print(f"{rates['torch']:.1f} and {rates['kernels']:.1f} images/s")
    assert whole["kernels"] < whole["torch"]
