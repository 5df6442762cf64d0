import argparse
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from models.data.report import DataReport
from models.evaluate.camera_shape import CameraShape, cut_annotation, is_wide, parse_camera_shape
from models.evaluate.evaluation_set import cut_to_shape, read_evaluation_set, read_frames
from tests.models.tiny_set import make_content, make_set, write_set

pytestmark = pytest.mark.torch

HD = CameraShape(16, 9)


@pytest.mark.parametrize(
    ("wh", "rows"),
    [((160, 120), (15, 105)), ((160, 90), (0, 90)), ((160, 60), (0, 60)), ((100, 80), (12, 68))],
)
def test_the_middle_of_an_image_is_kept(wh: tuple[int, int], rows: tuple[int, int]) -> None:
    assert HD.rows(wh) == rows


def test_portraits_and_squares_are_not_wide() -> None:
    assert [is_wide(wh) for wh in ((120, 100), (119, 100), (100, 100), (75, 100))] == [
        True, False, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("bbox", "cut", "iscrowd"),
    [
        ([5, 20, 30, 40], [5, 5, 30, 40], 0),  # whole
        ([5, 5, 30, 40], [5, 0, 30, 30], 0),  # a quarter is above
        ([5, 80, 30, 40], [5, 65, 30, 25], 0),
        ([5, 100, 30, 20], [5, 85, 30, 5], 1),  # a quarter is left
        ([5, 0, 30, 15.5], None, 0),  # half a row is left
        ([5, 106, 30, 10], None, 0),
    ],
)
def test_boxes_are_cut_with_their_image(
    bbox: list[float], cut: list[float] | None, iscrowd: int
) -> None:
    found = cut_annotation({"bbox": bbox, "area": bbox[2] * bbox[3], "id": 7}, (15, 105))
    if cut is None:
        assert found is None
        return
    expected: dict[str, Any] = {"bbox": cut, "area": cut[2] * cut[3], "iscrowd": iscrowd, "id": 7}
    assert found == expected


def test_a_crowd_stays_one() -> None:
    found = cut_annotation({"bbox": [0, 20, 9, 9], "area": 81, "iscrowd": 1}, (15, 105))
    assert found is not None
    assert found["iscrowd"] == 1


def test_frames_are_cut_as_their_boxes_are(tmp_path: Path) -> None:
    rows = np.broadcast_to(np.arange(80, dtype=np.uint8)[:, None, None], (80, 100, 3))
    data = cv2.imencode(".png", rows)[1].tobytes()
    path = write_set(tmp_path, make_content([]), {"1.png": data, "2.png": data})
    cut = cut_to_shape(read_evaluation_set(path, DataReport()), HD)
    assert len(cut.images) == 2
    for _, frame in read_frames(cut, DataReport()):
        np.testing.assert_array_equal(frame, rows[12:68])


def test_narrow_images_are_left_out(tmp_path: Path) -> None:
    narrow = make_set(tmp_path, [{"bbox": [1, 1, 9, 9]}], width=80, height=80)
    assert cut_to_shape(narrow, HD).images == []


@pytest.mark.parametrize("text", ["16x9", "16:", "0:9", "16:9:1", "a:b", "-16:9"])
def test_what_is_no_shape(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="expected a shape such as 16:9"):
        parse_camera_shape(text)
    assert str(parse_camera_shape("16:9")) == "16:9"
