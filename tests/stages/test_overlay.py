from pathlib import Path

import numpy as np
import pytest

from stages.kernels.detections import Detections, encode_detections
from stages.overlay import FrameRate, Overlay, OverlayOptions
from stages.slot import DetectionBody
from tests.stages.stage_bench import LABELS, StageBench

MS = 1_000_000
CAR = DetectionBody(
    encode_detections(
        Detections(
            np.array([[40, 40, 100, 80]], np.float32),
            np.array([0.9], np.float32),
            np.array([2], np.int32),
        )
    )
)


@pytest.fixture
def bench(short_dir: Path) -> StageBench:
    return StageBench(short_dir, "overlay")


def test_boxes_are_drawn_on_a_copy(bench: StageBench) -> None:
    frame = bench.make_frame(body=CAR, grey=120)
    Overlay(OverlayOptions(LABELS), bench.context).process(frame)
    assert (frame["frame"] == 120).all()
    assert (frame["canvas"][38:43, 40:100] != 120).any(axis=(0, 2)).all()  # the upper edge
    assert (frame["canvas"][50:70, 55:85] == 120).all()  # nothing inside is hidden


def test_a_failed_frame_is_shown_without_boxes(bench: StageBench) -> None:
    stage = Overlay(OverlayOptions(LABELS), bench.context)
    frame = bench.make_frame(failure="detect: no memory", grey=120)
    stage.pass_failed(frame)
    assert (frame["canvas"][:70] == 120).all()
    assert (frame["canvas"][70:] != 120).any()  # the caption


def test_the_rate_is_that_of_capture() -> None:
    rate = FrameRate()
    assert rate.count(1000 * MS) == 0
    for i in range(1, 50):
        shown = rate.count((1000 + 40 * i) * MS)
    assert shown == pytest.approx(25)


def test_the_rate_follows_a_change_without_jumping() -> None:
    rate = FrameRate()
    for i in range(1, 20):
        rate.count(100 * i * MS)  # 10 a second
    shown = [rate.count((1900 + 50 * i) * MS) for i in range(1, 40)]  # 20 a second
    assert shown == sorted(shown)
    assert 10 < shown[0] < 12
    assert shown[-1] == pytest.approx(20, abs=0.5)


def test_a_frame_that_comes_again_does_not_disturb_the_rate() -> None:
    rate = FrameRate()
    for at_ms in (1000, 1040, 1080, 1080):
        shown = rate.count(at_ms * MS)
    assert shown == pytest.approx(25)
