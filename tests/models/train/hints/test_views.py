"""Views: what seed and number decide."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from models.data.augment import AugmentConfig
from models.data.batches import Batches
from models.data.report import DataReport
from models.train.data import load_batches
from models.train.hints.views import WHOLE_IMAGES, Views
from tests.models.train.hints.recipes import read, write_data

pytestmark = pytest.mark.torch


def make_views(folder: Path, config: AugmentConfig | None = None, seed: int = 0) -> Views:
    if not (folder / "data").exists():
        write_data(folder)
    recipe = read(folder, seed=seed)
    return Views(load_batches(recipe, DataReport()), recipe, config or recipe.augment)


def test_a_batch_is_the_same_whenever_it_is_asked_for(tmp_path: Path) -> None:
    views, others = make_views(tmp_path), make_views(tmp_path)
    first = views.images(3, 64)
    views.images(0, 64)
    assert torch.equal(views.images(3, 64), first)
    assert torch.equal(others.images(3, 64), first)
    assert not torch.equal(views.images(4, 64), first)
    assert not torch.equal(make_views(tmp_path, seed=1).images(3, 64), first)


def test_they_are_by_day(tmp_path: Path) -> None:
    """A teacher was not made for the night, and its grain would be another one at another size."""
    day = make_views(tmp_path, AugmentConfig(mosaic=0.5))
    night = make_views(tmp_path, AugmentConfig(mosaic=0.5, grey=1.0, low_light=1.0))
    assert torch.equal(day.images(0, 64), night.images(0, 64))


def test_other_sizes_show_the_same_windows(tmp_path: Path) -> None:
    views = make_views(tmp_path, AugmentConfig(mosaic=0.5))
    small, large = views.images(0, 64), views.images(0, 256)
    halves = F.avg_pool2d(large, 4)
    assert (small - halves).abs().mean() < 4  # of 255; other windows: above 30
    assert (views.images(1, 64) - halves).abs().mean() > 12


def test_whole_images_are_as_they_are(tmp_path: Path) -> None:
    views = make_views(tmp_path, WHOLE_IMAGES)
    batches: Batches = views.batches
    stored = batches.batch(2).images.numpy()
    np.testing.assert_allclose(views.images(2, 64).numpy(), stored, atol=0.01)


def test_the_identity_tells_other_views(tmp_path: Path) -> None:
    write_data(tmp_path / "more", train=5)
    identities = [
        make_views(tmp_path).identity,
        make_views(tmp_path, WHOLE_IMAGES).identity,
        make_views(tmp_path, seed=1).identity,
        make_views(tmp_path / "more").identity,
    ]
    assert make_views(tmp_path).identity == identities[0]
    annotations = tmp_path / "data" / "train.json"
    content = json.loads(annotations.read_text())
    content["annotations"][0]["bbox"][2] += 5  # a window without objects may lie elsewhere now
    annotations.write_text(json.dumps(content))
    identities.append(make_views(tmp_path).identity)
    assert len(set(identities)) == len(identities)
