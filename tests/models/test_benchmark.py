"""The benchmark's parts are the training step, and its table is computed from them."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from models.benchmark import (
    WHOLE,
    Setting,
    Stopwatch,
    Timing,
    benchmark,
    draw_samples,
    main,
    make_trainer,
    progressive_rate,
    table,
    time_parts,
)
from models.command import EXIT_FAILED
from models.data.batches import Batches
from models.train.recipe import Recipe

pytestmark = pytest.mark.torch

SETTING = Setting(size=64, rois=8)


def make_recipe(**fields: object) -> Recipe:
    fields |= {"iterations": 10, "batch_size": 2, "threads": 1}
    return msgspec.convert(fields, Recipe)


@pytest.mark.parametrize("criterion", [{"context_weight": 1.0}, {"hard_examples": True}])
def test_parts_move_the_weights_as_the_step_does(criterion: dict[str, object]) -> None:
    recipe = make_recipe(criterion=criterion)
    batches = Batches([draw_samples(8, 64, 11)], [np.ones(8)], 2, seed=0)
    in_parts, whole = make_trainer(recipe, SETTING), make_trainer(recipe, SETTING)
    watch = Stopwatch(torch.device("cpu"))
    for _ in range(2):
        time_parts(in_parts, batches, watch)
        whole.step(batches)
    assert in_parts.iteration == whole.iteration == 2
    for name, value in whole.model.state_dict().items():
        assert torch.equal(in_parts.model.state_dict()[name], value), name


def test_every_setting_is_timed_in_every_part() -> None:
    settings = [SETTING, Setting(96, 4)]
    timings = benchmark(make_recipe(), settings, rounds=1)
    assert list(timings) == settings
    for found in timings.values():
        assert len(found) == 10
        assert all(0 < timing.best_ms <= timing.median_ms for timing in found.values())


def test_table_counts_images_per_second() -> None:
    timings = {"backward": Timing(100.0, 80.0), WHOLE: Timing(400.0, 200.0)}
    lines = table(SETTING, timings, batch_size=32)
    assert lines[-2].split() == ["backward", "100.0", "80.0", "320.0", "400.0", "25%"]
    assert lines[-1].split()[2:] == ["400.0", "200.0", "80.0", "160.0", "100%"]


def test_progressive_rate_weighs_sizes_by_their_images() -> None:
    sizes = [{"size": 64, "until": 0.75}, {"size": 96, "until": 1.0}]
    recipe = make_recipe(sizes=sizes)
    timings = {
        Setting(64, 8): {WHOLE: Timing(100.0, 50.0)},
        Setting(96, 8): {WHOLE: Timing(300.0, 250.0)},
    }
    rates = progressive_rate(recipe, timings, 8)
    assert rates is not None
    median, best = rates  # 150 ms and 100 ms per 2 images
    assert median == pytest.approx(2 / 0.150)
    assert best == pytest.approx(2 / 0.100)
    assert progressive_rate(recipe, {}, 8) is None


def test_size_that_does_not_work_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("iterations: 1\n")
    assert main([str(path), "--sizes", "100"]) == EXIT_FAILED
    assert "100" in capsys.readouterr().err
