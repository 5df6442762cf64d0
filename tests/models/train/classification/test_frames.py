from pathlib import Path

import pytest
import torch

from models.train.classification.batches import UNREADABLE
from tests.models.train.classification.recipes import collect, read

pytestmark = pytest.mark.torch


def test_a_cache_gives_nearly_the_crops_of_the_files(folder: Path) -> None:
    files = collect(read(folder), range(3))
    cache = {"cache": str(folder / "cache"), "cache_size": 96}
    cached = collect(read(folder, data=cache), range(3))
    assert torch.equal(files[1], cached[1])
    difference = (files[0].float() - cached[0].float()).abs().mean()
    assert difference < 6  # warped and scaled once more; another crop differs by tens
    for path in (folder / "images/train").rglob("*.jpg"):
        path.write_bytes(path.read_bytes()[:-1] + b"?")  # same size: not read again
    again = collect(read(folder, data=cache), range(3))
    assert torch.equal(cached[0], again[0])


def test_a_link_to_nowhere_is_left_out_of_the_cache(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "images/train/bars/900.jpg").symlink_to(folder / "nowhere.jpg")
    cache = {"cache": str(folder / "cache"), "cache_size": 32}
    _, labels = collect(read(folder, data=cache), range(3))  # more than one pass of 22
    assert (labels == UNREADABLE).any()
    assert "data: image unreadable, left out: train/bars/900.jpg" in capsys.readouterr().err
