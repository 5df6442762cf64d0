"""Pictures of a line whose results are late: a frame is there long before what was found in it."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest

from pipeline.client import DetectionMessage
from stages.services.web import pictures as module
from stages.services.web.feed import Heard, Listener
from stages.services.web.pictures import Look, Photo, Pictures
from tests.stages.services.recorder.camera import MadeUpCamera

ON_ITS_WAY = 50  # the newest frame


class Copy(NamedTuple):
    epoch: int
    frame_id: int


class Frames:
    """Those with a result have left the ring."""

    def copy_frame(self, _camera: str, _frame_id: int, _areas: Sequence[str]) -> None:
        return None

    def copy_newest(self, _camera: str, _areas: Sequence[str]) -> Copy:
        return Copy(1, ON_ITS_WAY)


class Feed:
    """The last result that came."""

    def __init__(self, result: DetectionMessage | None) -> None:
        self._result = result
        self._listeners: list[Listener] = []

    @contextmanager
    def listening(self, listener: Listener) -> Iterator[None]:
        self._listeners.append(listener)
        yield
        self._listeners.remove(listener)

    def last(self, _camera: str) -> DetectionMessage | None:
        return self._result

    async def result(self, _camera: str, _patience_s: float) -> DetectionMessage | None:
        return self._result

    def tell(self, result: DetectionMessage) -> None:
        self._result = result
        for listener in list(self._listeners):
            listener(Heard(result))


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[DetectionMessage, ...]:
    """One that came last, and one that comes later."""
    monkeypatch.setattr(module, "FIRST_S", 0.05)
    picture = np.zeros((8, 8, 3), np.uint8)
    monkeypatch.setattr(module, "draw_result", lambda *_, **__: picture)
    camera = MadeUpCamera(tmp_path / "run")
    return camera.result(20), camera.result(ON_ITS_WAY)


def first_picture(last: DetectionMessage | None, coming: DetectionMessage) -> Photo | None:
    async def look() -> Photo | None:
        feed: Any = Feed(last)
        frames: Any = Frames()
        asking = asyncio.ensure_future(Pictures(feed, frames).first(Look("gate")))
        await asyncio.sleep(0.3)
        feed.tell(coming)
        return await asking

    return asyncio.run(look())


def test_a_picture_waits_for_its_result_as_long_as_others_took(
    results: tuple[DetectionMessage, ...],
) -> None:
    last, coming = results
    photo = first_picture(msgspec.structs.replace(last, age_ms=5000.0), coming)
    assert photo is not None
    assert photo.frame_id == ON_ITS_WAY
    assert first_picture(msgspec.structs.replace(last, age_ms=20.0), coming) is None


def test_a_camera_without_results_has_no_picture(results: tuple[DetectionMessage, ...]) -> None:
    assert first_picture(None, results[1]) is None
