from pathlib import Path

import msgspec
import numpy as np

from stages.kernels.detections import decode_detections
from stages.kernels.fit import Fit, Letterbox
from stages.postprocess import Postprocess, PostprocessOptions
from stages.slot import Slot
from tests.stages.stage_bench import StageBench

OPTIONS = PostprocessOptions(
    method="hard", iou_thresh=0.5, sigma=0.5, score_thresh=0.3, max_detections=100
)


def test_boxes_come_out_best_first_in_pixels_of_the_source(short_dir: Path) -> None:
    bench = StageBench(short_dir, "postprocess", (128, 96))  # 2 x 1.5 times the network's size
    frame = bench.make_frame()
    boxes_net = np.array([[8, 16, 24, 48], [40, 16, 56, 48], [8, 16, 24, 49]], np.float32)
    # The last is the first again.
    scores = np.array([[0.6, 0, 0], [0, 0, 0.9], [0.5, 0, 0]], np.float32)
    Slot(frame).write_rois(boxes_net, scores)
    found = decode_detections(Postprocess(OPTIONS, bench.context).process(frame).encoded)
    assert found.class_ids.tolist() == [2, 0]
    assert np.allclose(found.scores, [0.9, 0.6])
    assert np.allclose(found.boxes_xyxy, [[80, 24, 112, 72], [16, 24, 48, 72]])


def test_new_settings_count_from_the_next_frame_on(short_dir: Path) -> None:
    bench = StageBench(short_dir, "postprocess")
    stage = Postprocess(OPTIONS, bench.context)
    frame = bench.make_frame()
    boxes_net = np.array([[8, 16, 24, 48], [40, 16, 56, 48]], np.float32)
    Slot(frame).write_rois(boxes_net, np.array([[0.6, 0, 0], [0, 0, 0.9]], np.float32))
    assert len(decode_detections(stage.process(frame).encoded)) == 2
    stage.reconfigure(msgspec.structs.replace(OPTIONS, score_thresh=0.7))
    assert decode_detections(stage.process(frame).encoded).class_ids.tolist() == [2]


def test_rows_beyond_the_rois_of_the_frame_are_not_read(short_dir: Path) -> None:
    """They are of an earlier frame of the slot."""
    bench = StageBench(short_dir, "postprocess")
    frame = bench.make_frame()
    frame["boxes"][:] = [8, 16, 24, 48]
    frame["scores"][:] = 0.9
    frame["scores"][0] = 0.1
    frame["rois"][0] = 1
    assert len(decode_detections(Postprocess(OPTIONS, bench.context).process(frame).encoded)) == 0


def test_boxes_come_out_of_a_letterbox(short_dir: Path) -> None:
    bench = StageBench(short_dir, "postprocess", (128, 96))  # 64 x 48 of the input, 8 rows above
    frame = bench.make_frame()
    boxes_net = np.array([[8, 16, 24, 60], [0, 0, 64, 7]], np.float32)
    Slot(frame).write_rois(boxes_net, np.array([[0.6, 0, 0], [0, 0, 0.9]], np.float32))
    fit = Fit(letterbox=Letterbox(align="centre", pad=(0, 0, 0)))
    stage = Postprocess(msgspec.structs.replace(OPTIONS, fit=fit), bench.context)
    found = decode_detections(stage.process(frame).encoded)
    assert found.boxes_xyxy.tolist() == [[16, 16, 48, 96]]  # the other is in the padding
