from pathlib import Path

import msgspec
import numpy as np
import pytest

from stages.kernels.fit import Fit, Letterbox
from stages.kernels.gating.gate import GateOptions
from stages.kernels.resize import warp_into
from stages.preprocess import Preprocess, PreprocessOptions
from tests.stages.stage_bench import StageBench

STEP_NS = 100_000_000
LOOK_5_S = GateOptions(look_s=5.0)
KNOWN = 40  # frames, after which a gate is closed


class Gated(StageBench):
    """The stage, in a line of a camera with a gate and one without."""

    def __init__(self, run_dir: Path) -> None:
        super().__init__(run_dir, "preprocess", cameras=("yard", "street"))
        self.rng = np.random.default_rng(0)
        self.corner = False  # where the thing is
        self.restart()

    def restart(self) -> None:
        """Start the stage, as a successor of one that was killed if there was one."""
        self.stage = Preprocess(PreprocessOptions({"yard": LOOK_5_S}), self.context)
        self.start(self.stage)

    def is_idle(
        self, frame_id: int, *, camera: int = 0, epoch: int = 1, thing: bool = False
    ) -> bool:
        frame = self.make_frame(frame_id, camera=camera)
        frame.ref = msgspec.structs.replace(frame.ref, epoch=epoch)
        self.ring.times[frame.ref.slot, 0] = frame_id * STEP_NS
        picture = frame["frame"].reshape(self.height, self.width, 3)
        picture[:] = self.rng.integers(98, 103, picture.shape)
        if thing:
            picture[(slice(8, 40), slice(16, 48)) if self.corner else np.s_[56:88, 80:112]] = 180
        return self.handle(frame).ref.idle

    def rest(self, first: int, last: int) -> list[bool]:
        return [self.is_idle(frame) for frame in range(first, last)]


@pytest.fixture
def line(short_dir: Path) -> Gated:
    return Gated(short_dir)


def test_the_frame_is_warped_into_the_tensor_of_its_slot(short_dir: Path) -> None:
    bench = StageBench(short_dir, "preprocess")
    frame = bench.make_frame()
    frame["frame"][:] = np.random.default_rng(0).integers(0, 256, frame["frame"].shape, np.uint8)
    before = frame["frame"].copy()
    Preprocess(PreprocessOptions({}), bench.context).process(frame)
    expected = np.empty_like(frame["tensor"])
    warp_into(before.reshape(bench.height, bench.width, 3), expected)
    assert np.array_equal(frame["tensor"], expected)
    assert np.array_equal(frame["frame"], before)


def test_where_nothing_moves_frames_are_idle_but_for_a_look_now_and_then(line: Gated) -> None:
    said = line.rest(0, 200)
    assert not any(said[:20])
    assert all(said[KNOWN - 5 : KNOWN])
    looks = [frame for frame in range(KNOWN, 200) if not said[frame]]
    assert np.diff(looks).tolist() == [50] * (len(looks) - 1)
    assert len(looks) >= 3


def test_a_camera_without_a_gate_has_no_idle_frame(line: Gated) -> None:
    assert not any(line.is_idle(frame, camera=1) for frame in range(100))


def test_a_frame_in_which_something_moves_is_looked_at(line: Gated) -> None:
    assert line.rest(0, KNOWN)[-1]
    assert not line.is_idle(KNOWN, thing=True)


def test_what_is_followed_is_looked_at_although_nothing_moves(line: Gated) -> None:
    assert line.rest(0, KNOWN)[-1]
    follow = line.ledger.follow_writer()
    follow.set_followed(1, True)
    assert line.is_idle(KNOWN), "that is the other camera"
    follow.set_followed(0, True)
    assert not any(line.rest(KNOWN + 1, KNOWN + 5))
    follow.set_followed(0, False)
    assert line.is_idle(KNOWN + 5)


def test_a_frame_that_comes_again_is_what_it_was(line: Gated) -> None:
    first = line.rest(0, KNOWN)
    moving = line.is_idle(KNOWN, thing=True)
    line.ledger.follow_writer().set_followed(0, True)
    assert line.rest(0, KNOWN) == first
    assert line.is_idle(KNOWN) == moving


def test_a_camera_that_was_opened_again_is_looked_at(line: Gated) -> None:
    assert line.rest(0, KNOWN)[-1]
    said = [line.is_idle(frame, epoch=2) for frame in range(KNOWN, 2 * KNOWN)]
    assert not any(said[:20])
    assert said[-1]


def test_a_successor_looks_until_it_knows_the_camera(line: Gated) -> None:
    assert line.rest(0, KNOWN)[-1]
    line.restart()
    again = line.rest(KNOWN - 3, 2 * KNOWN)
    assert not any(again[:20])
    assert again[-1]


def test_gates_come_and_go_and_change_while_the_line_runs(line: Gated) -> None:
    assert line.rest(0, KNOWN)[-1]
    line.stage.reconfigure(PreprocessOptions({"yard": LOOK_5_S}))
    assert line.is_idle(KNOWN), "this gate is the same"
    line.stage.reconfigure(PreprocessOptions({"yard": GateOptions(look_s=0.2), "street": LOOK_5_S}))
    said = line.rest(KNOWN + 1, KNOWN + 81)
    assert not any(said[:20]), "this one begins anew"
    assert said[-20:].count(True) == 10
    line.stage.reconfigure(PreprocessOptions({}))
    assert not any(line.rest(KNOWN + 81, KNOWN + 90))


def test_a_frame_that_comes_again_after_very_many_is_looked_at(line: Gated) -> None:
    """So many results are not remembered; and what it was then, it is not taken for motion now."""
    said = line.rest(0, 150)
    assert said[KNOWN]
    assert not line.is_idle(KNOWN)
    assert line.is_idle(170)


def test_a_gate_looks_at_the_frame_and_not_at_the_padding(short_dir: Path) -> None:
    """The corner that it ignores is one of the frame, which lies in the middle of the input."""
    corner = ((0.0, 0.0), (0.5, 0.0), (0.5, 0.5), (0.0, 0.5))
    line = Gated(short_dir)
    line.stage = Preprocess(
        PreprocessOptions(
            {"yard": GateOptions(look_s=5.0, ignored=(corner,))},
            Fit(letterbox=Letterbox(align="centre", pad=(114, 114, 114))),
        ),
        line.context,
    )
    line.start(line.stage)
    line.rest(0, KNOWN)
    assert [line.is_idle(KNOWN + i, thing=i % 2 == 0) for i in range(4)] == [False] * 4
    line.rest(KNOWN + 4, 2 * KNOWN)
    line.corner = True
    assert [line.is_idle(2 * KNOWN + i, thing=i % 2 == 0) for i in range(4)] == [True] * 4


def test_nobody_looks_at_a_camera_whose_detection_is_off_and_the_others_notice_nothing(
    line: Gated,
) -> None:
    assert not any(line.is_idle(frame, camera=1, thing=True) for frame in range(10))
    line.stage.reconfigure(PreprocessOptions({"yard": LOOK_5_S}, paused=("street",)))
    assert all(line.is_idle(frame, camera=1, thing=True) for frame in range(10, 20))
    assert not line.is_idle(0, thing=True)
    line.stage.reconfigure(PreprocessOptions({"yard": LOOK_5_S}))
    assert not any(line.is_idle(frame, camera=1) for frame in range(20, 30))


def test_a_frame_that_was_looked_at_is_looked_at_again_after_detection_was_switched_off(
    line: Gated,
) -> None:
    assert not any(line.is_idle(frame, camera=1) for frame in range(10))
    line.stage.reconfigure(PreprocessOptions({}, paused=("street",)))
    line.stage.reconfigure(PreprocessOptions({"yard": LOOK_5_S}, paused=("street",)))
    assert not any(line.is_idle(frame, camera=1) for frame in range(7, 10)), "they come again"
    assert line.is_idle(10, camera=1)
    assert line.is_idle(0, camera=1, epoch=2), "of another connection"


def test_a_process_that_begins_with_detection_off_looks_at_nothing(line: Gated) -> None:
    line.stage = Preprocess(PreprocessOptions({}, paused=("yard",)), line.context)
    line.start(line.stage)
    assert all(line.is_idle(frame, thing=True) for frame in range(5))
