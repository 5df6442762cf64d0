"""The cache of decoded images: whole or not there, and resumable."""

import json
import shutil
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.data.image_cache import CachedImages, cache_path, open_cache, warp
from models.data.image_files import LoadedImage
from models.data.report import DataError
from tests.models.told import Told

pytestmark = pytest.mark.torch

SIZE = 8


class Source:
    """Groups of two images each; `fails_at` raises when that group is read."""

    name = "drawn"

    def __init__(self, groups: int = 3, fails_at: str | None = None, version: str = "1") -> None:
        self.count, self.fails_at, self.identity = groups, fails_at, version
        self.reads: list[str] = []

    def __len__(self) -> int:
        return self.count * 2

    def groups(self) -> Sequence[str]:
        return [str(i) for i in range(self.count)]

    def read(self, group: str) -> Iterator[LoadedImage]:
        self.reads.append(group)
        for row in (int(group) * 2, int(group) * 2 + 1):
            if group == self.fails_at:
                raise KeyboardInterrupt
            image = None if row == 1 else np.full((SIZE, SIZE, 3), row + 1, np.uint8)
            yield LoadedImage(row, image)


def test_images_and_gaps_are_kept(tmp_path: Path) -> None:
    cached = open_cache(tmp_path, Source(), SIZE)
    assert cached.images[:, 0, 0, 0].tolist() == [1, 0, 3, 4, 5, 6]
    assert cached.present.tolist() == [True, False, True, True, True, True]


def test_sizes_before_warping_are_kept(tmp_path: Path) -> None:
    assert open_cache(tmp_path, Source(), SIZE).wh.tolist() == [
        [SIZE, SIZE],
        [0, 0],
        *[[SIZE] * 2] * 4,
    ]
    state = cache_path(tmp_path, Source(), SIZE).with_suffix(".json")
    state.write_text(json.dumps({"present": json.loads(state.read_text())["present"]}))
    old = open_cache(tmp_path, Source(), SIZE)  # written before sizes were
    assert old.wh.tolist() == [[0, 0]] * 6


def test_a_disk_that_is_too_small_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil.disk_usage(tmp_path)._replace(free=6 * 3 * SIZE**2 - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with pytest.raises(DataError, match=r"expected 0.0 GB for decoded images, got 0.0 GB free"):
        open_cache(tmp_path, Source(), SIZE)
    assert not list(tmp_path.glob("*.partial"))


def test_second_opening_reads_nothing(tmp_path: Path) -> None:
    open_cache(tmp_path, Source(), SIZE)
    again = Source()
    assert open_cache(tmp_path, again, SIZE).present.sum() == 5
    assert again.reads == []


def test_interrupted_build_goes_on_at_the_group_it_was_in(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        open_cache(tmp_path, Source(fails_at="1"), SIZE)
    assert not cache_path(tmp_path, Source(), SIZE).exists()
    resumed = Source()
    cached = open_cache(tmp_path, resumed, SIZE)
    assert resumed.reads == ["1", "2"]
    whole = open_cache(tmp_path / "other", Source(), SIZE)
    assert np.array_equal(cached.images, whole.images)
    assert np.array_equal(cached.present, whole.present)


def test_changed_source_gets_its_own_cache(tmp_path: Path) -> None:
    open_cache(tmp_path, Source(version="1"), SIZE)
    changed = Source(version="2")
    open_cache(tmp_path, changed, SIZE)
    assert changed.reads == ["0", "1", "2"]


def test_warp_is_the_detectors_resize() -> None:
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (30, 50, 3), dtype=np.uint8)
    expected = cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR_EXACT)
    assert np.array_equal(warp(image, SIZE), expected.transpose(2, 0, 1))


def test_of_two_processes_that_need_a_cache_one_builds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, go_on = threading.Event(), threading.Event()

    class Slow(Source):
        def read(self, group: str) -> Iterator[LoadedImage]:
            reading.set()
            go_on.wait()
            yield from super().read(group)

    first, second, opened, told = Slow(), Source(), list[CachedImages](), Told(monkeypatch)
    building = threading.Thread(target=lambda: opened.append(open_cache(tmp_path, first, SIZE)))
    building.start()
    reading.wait()
    waiting = threading.Thread(target=lambda: opened.append(open_cache(tmp_path, second, SIZE)))
    waiting.start()
    told.wait_for("waits for another process")
    go_on.set()
    building.join()
    waiting.join()
    assert (first.reads, second.reads) == (["0", "1", "2"], [])
    assert np.array_equal(opened[0].images, opened[1].images)
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".u8"}
