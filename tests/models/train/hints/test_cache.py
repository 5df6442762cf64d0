"""A teacher's maps on disk: near enough, resumable, and never of another teacher."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest

from models.data.report import DataError, DataReport
from models.errors import ConfigError
from models.train.data import load_batches
from models.train.hints import cache
from models.train.hints.cache import (
    HintCache,
    cache_path,
    dequantise,
    describe,
    open_hints,
)
from models.train.hints.channels import CLIP
from models.train.hints.recipe import HintsRecipe
from models.train.hints.teacher import Image, Map, OnnxTeacher
from models.train.hints.views import Views
from tests.models.train.hints.recipes import HINTS, read, write_data
from tests.models.train.hints.teachers import mean_colours, write_onnx_teacher

pytestmark = pytest.mark.torch

BATCHES = 6


class Setting(NamedTuple):
    recipe: HintsRecipe
    views: Views
    folder: Path

    def open(self, count: int = BATCHES) -> HintCache:
        return open_hints(self.folder, self.views, self.recipe.teacher, count, threads=1)

    @property
    def path(self) -> Path:
        return cache_path(self.folder, self.views, self.recipe.teacher)


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Setting]:
    write_data(tmp_path)

    def setting(folder: str = "maps", **changes: Any) -> Setting:
        recipe = read(tmp_path, **changes)
        views = Views(load_batches(recipe, DataReport()), recipe, recipe.augment)
        return Setting(recipe, views, tmp_path / folder)

    return setting


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Gets an entry for each image that a teacher looks at; at a negative one it is interrupted."""
    seen: list[int] = []
    whole = OnnxTeacher.maps

    def maps(teacher: OnnxTeacher, image: Image) -> list[Map]:
        if seen and seen[0] < 0:
            seen[0] += 1
            if not seen[0]:
                raise KeyboardInterrupt
        seen.append(1)
        return whole(teacher, image)

    monkeypatch.setattr(OnnxTeacher, "maps", maps)
    return seen


def test_maps_are_kept_but_for_rounding(make: Callable[..., Setting]) -> None:
    setting = make()
    found = setting.open()
    state = cache.read_state(setting.path, 2)
    assert state is not None
    config = setting.recipe.teacher
    pixel_mean, pixel_std = (
        np.reshape(x, (3, 1, 1)) for x in (config.pixel_mean, config.pixel_std)
    )
    for number in range(BATCHES):
        images = (setting.views.images(number, 64).numpy() - pixel_mean) / pixel_std
        expected = np.stack([mean_colours(image) for image in images])
        mean, std = (
            np.reshape(x, (3, 1, 1)) for x in (state.maps[1].mean, state.maps[1].std)
        )  # of `cells`
        distance = np.clip((expected - mean) / std, -CLIP, CLIP)
        stored = found.batch(number)[1]
        assert np.abs(dequantise(stored).numpy() - distance).max() < 0.51 * CLIP / 127
    pooled = np.stack([dequantise(found.batch(n)[1]).numpy() for n in range(BATCHES)])
    assert np.abs(pooled.mean(axis=(0, 1, 3, 4))).max() < 0.01
    assert np.abs(pooled.std(axis=(0, 1, 3, 4)) - 1).max() < 0.01


def test_an_interrupted_build_goes_on(
    make: Callable[..., Setting], looks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "FLUSH_BATCHES", 2)
    monkeypatch.setattr(cache, "STATISTICS_VIEWS", 4)
    whole, broken = make("whole"), make("broken")
    whole.open()
    assert len(looks) == 4 + 2 * BATCHES

    looks[:] = [-(4 + 2 * 3)]  # after the statistics: in the third batch of two
    with pytest.raises(KeyboardInterrupt):
        broken.open()
    looks.clear()
    broken.open()
    assert len(looks) == 2 * (BATCHES - 2)  # neither the statistics nor the first two batches
    assert broken.path.read_bytes() == whole.path.read_bytes()
    looks.clear()
    broken.open()
    assert looks == []


def test_more_views_are_added_and_fewer_are_a_part(make: Callable[..., Setting]) -> None:
    whole, grown = make("whole"), make("grown")
    whole.open()
    grown.open(4)
    # The channels are known from the first views: those of fewer views count on.
    assert grown.open().batch(5)[0].shape == whole.open().batch(5)[0].shape
    assert len(grown.open(2).rows) == 4
    assert grown.path.stat().st_size == whole.path.stat().st_size


def test_a_file_that_was_cut_off_is_completed(make: Callable[..., Setting]) -> None:
    setting = make()
    setting.open()
    expected = setting.path.read_bytes()
    with setting.path.open("r+b") as file:
        file.truncate(len(expected) // 2)
    setting.open()
    assert setting.path.read_bytes() == expected


def test_another_teacher_or_view_has_a_file_of_its_own(
    make: Callable[..., Setting], tmp_path: Path
) -> None:
    paths = [make().path, make().path, make(seed=1).path, make(batch_size=4).path]
    hints = {"file": str(tmp_path / "teacher.onnx"), "hints": HINTS}
    paths.append(make(teacher=hints | {"size": 96}).path)
    paths.append(make(teacher=hints | {"size": 64, "pixel_mean": [0, 0, 0]}).path)
    write_onnx_teacher(tmp_path / "teacher.onnx", seed=5)
    paths.append(make().path)
    assert len(set(paths)) == len(paths) - 1  # the first two are alike


def test_a_full_disk_is_told_before_the_teacher_works(
    make: Callable[..., Setting], monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = make()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100))
    with pytest.raises(DataError, match=r"GB for a teacher's maps, got 0\.0 GB free"):
        setting.open()
    assert not setting.path.exists()


def test_maps_that_are_not_as_told_are_refused(make: Callable[..., Setting]) -> None:
    setting = make()
    config = setting.recipe.teacher
    other = msgspec.structs.replace(config.hints[0], channels=7)
    teacher = msgspec.structs.replace(config, hints=(other,))
    setting = setting._replace(recipe=msgspec.structs.replace(setting.recipe, teacher=teacher))
    with pytest.raises(ConfigError, match=r"seen: expected finite maps of 7 .* shape \(5, 4, 4\)"):
        setting.open()


def test_a_channel_that_never_changes_is_no_target() -> None:
    maps = np.random.default_rng(0).normal(size=(4, 3, 2, 2)).astype(np.float32)
    maps[:, 1] = 5.0
    known = describe(maps)
    stored = known.quantise(maps[0])
    assert np.abs(stored[1]).max() == 0
    assert np.abs(stored[[0, 2]]).min() > 0
