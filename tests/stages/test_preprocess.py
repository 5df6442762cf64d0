from pathlib import Path

import numpy as np

from pipeline.stage import Options
from stages.kernels.resize import warp_into
from stages.preprocess import Preprocess
from tests.stages.stage_bench import StageBench


def test_the_frame_is_warped_into_the_tensor_of_its_slot(short_dir: Path) -> None:
    bench = StageBench(short_dir, "preprocess")
    frame = bench.make_frame()
    frame["frame"][:] = np.random.default_rng(0).integers(0, 256, frame["frame"].shape, np.uint8)
    before = frame["frame"].copy()
    Preprocess(Options(), bench.context).process(frame)
    expected = np.empty_like(frame["tensor"])
    warp_into(before.reshape(bench.height, bench.width, 3), expected)
    assert np.array_equal(frame["tensor"], expected)
    assert np.array_equal(frame["frame"], before)
