from pathlib import Path

import numpy as np
import pytest

from pipeline.source import PtsOrigin
from stages.kernels.detections import Detections, encode_detections, encoded_size
from stages.kernels.picture import Layout, Matrix, PictureFormat, bgr_format
from stages.slot import Slot, SlotShape
from tests.stages.stage_bench import StageBench


def test_a_slot_has_room_for_what_the_model_says() -> None:
    shape = SlotShape((320, 256), max_rois=200, classes=11, canvas=False)
    areas = shape.areas(bgr_format(1280, 720))
    assert areas["frame"].nbytes == 1280 * 720 * 3
    assert areas["tensor"].shape == (256, 320, 3)
    assert areas["boxes"].shape == (200, 4)
    assert areas["scores"].shape == (200, 11)
    assert areas["rois"].shape == (1,)
    assert "canvas" not in areas


def test_what_the_tracker_said_is_found_in_the_slot_of_its_frame(short_dir: Path) -> None:
    slot = Slot(StageBench(short_dir, "track").make_frame())
    assert slot.find_tracked(0) is None  # nobody has written: fresh memory is all 0
    slot.write_tracked(0, b"said of 0")
    assert slot.find_tracked(0) == b"said of 0"
    assert slot.find_tracked(1) is None
    slot.write_tracked(1, b"of 1")
    assert slot.find_tracked(1) == b"of 1"
    assert slot.find_tracked(0) is None


def test_the_number_of_a_message_is_found_in_the_slot_of_its_frame(short_dir: Path) -> None:
    slot = Slot(StageBench(short_dir, "publish").make_frame())
    assert slot.find_seq(0) is None
    slot.write_seq(0, 0)
    assert slot.find_seq(0) == 0
    slot.write_seq(1 << 40, 7)
    assert slot.find_seq(1 << 40) == 7
    assert slot.find_seq(0) is None


def test_there_is_room_for_as_many_objects_as_postprocess_gives(short_dir: Path) -> None:
    slot = Slot(StageBench(short_dir, "track").make_frame())  # with room for 8
    full = encode_detections(
        Detections(
            np.zeros((8, 4), np.float32), np.zeros(8, np.float32), np.zeros(8, np.int32),
            np.zeros(8, np.int64),
        )
    )  # fmt: skip
    assert len(full) == encoded_size(8)
    slot.write_tracked(5, full)
    assert slot.find_tracked(5) == full


@pytest.mark.parametrize("canvas", [True, False])
def test_a_second_image_is_kept_where_something_is_drawn(canvas: bool) -> None:
    form = PictureFormat(Layout.I420, 64, 48, sar=(2, 1))
    areas = SlotShape((320, 320), 200, 11, canvas).areas(form)
    assert ("canvas" in areas) == canvas
    assert not canvas or areas["canvas"].shape == (48, 128, 3)  # with square pixels
    assert areas["frame"].nbytes == 64 * 48 * 3 // 2


def test_the_view_gives_each_area_its_shape(short_dir: Path) -> None:
    slot = Slot(StageBench(short_dir, "overlay", (128, 96)).make_frame(grey=7))
    assert slot.frame_wh == (128, 96)
    assert slot.network_wh == (64, 64)
    assert slot.picture.bgr.shape == slot.canvas.shape == (96, 128, 3)
    assert slot.tensor.shape == (64, 64, 3)
    assert (slot.picture.bgr == 7).all()


@pytest.mark.parametrize("origin", PtsOrigin)
def test_what_was_written_of_the_format_is_read(short_dir: Path, origin: PtsOrigin) -> None:
    slot = Slot(StageBench(short_dir, "overlay", (128, 96)).make_frame())
    form = PictureFormat(Layout.I420, 120, 96, Matrix.BT709, True, (16, 15), 6)
    slot.write_format(form, origin)
    assert slot.form == form
    assert slot.pts_origin is origin
    assert slot.frame_wh == (120, 102)  # pixels that were wide are high when they are upright


def test_only_the_rois_of_this_frame_are_read(short_dir: Path) -> None:
    slot = Slot(StageBench(short_dir, "overlay").make_frame())
    boxes_net, scores = np.ones((5, 4), np.float32), np.full((5, 3), 0.5, np.float32)
    slot.write_rois(boxes_net, scores)
    fewer = np.full((2, 4), 2, np.float32), np.full((2, 3), 0.25, np.float32)
    slot.write_rois(*fewer)  # the slot's next frame
    read_boxes, read_scores = slot.rois
    np.testing.assert_array_equal(read_boxes, np.full((2, 4), 2))
    np.testing.assert_array_equal(read_scores, np.full((2, 3), 0.25))
