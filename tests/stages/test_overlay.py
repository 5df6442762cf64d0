from pathlib import Path

import msgspec
import numpy as np
import pytest

from stages.events.watch import Tallies, ZoneTally, encode_tallies
from stages.kernels.detections import Detections, encode_detections
from stages.kernels.drawing.palette import track_colour, zone_colour
from stages.kernels.drawing.plates import Plates
from stages.kernels.drawing.regions import CountingLine, Regions, Zone
from stages.kernels.drawing.segments import LINE_COLOUR
from stages.kernels.pixels import Pixels
from stages.overlay import FrameRate, Overlay, OverlayOptions
from stages.slot import DetectionBody
from tests.stages.kernels.drawing.canvases import find_colour
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


@pytest.mark.parametrize("mark", ["failed", "idle"])
def test_a_frame_that_was_not_looked_at_is_shown_without_boxes(
    bench: StageBench, mark: str
) -> None:
    stage = Overlay(OverlayOptions(LABELS), bench.context)
    frame = bench.make_frame(grey=120)
    (stage.pass_failed if mark == "failed" else stage.pass_idle)(frame)
    assert (frame["canvas"][:70] == 120).all()
    assert (frame["canvas"][70:] != 120).any()  # the caption


SIZE = (640, 480)
ZONE = Zone("lawn", ((0.1, 0.1), (0.4, 0.1), (0.4, 0.4), (0.1, 0.4)))
LINE = CountingLine("drive", (0.7, 0.2), (0.7, 0.6), "in", "out")
YARD = OverlayOptions(LABELS, {"yard": Regions(zones=(ZONE,), lines=(LINE,))})
NOTHING = DetectionBody(
    encode_detections(
        Detections(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int32))
    )
)


@pytest.fixture
def wide(short_dir: Path) -> StageBench:
    return StageBench(short_dir, "overlay", SIZE, cameras=("yard", "gate"))


def see(track_id: int, x: int, bottom: int = 300) -> DetectionBody:
    """A track that stands there."""
    found = Detections(
        np.array([[x - 20, bottom - 80, x + 20, bottom]], np.float32),
        np.array([0.9], np.float32),
        np.array([0], np.int32),
        np.array([track_id]),
    )
    return DetectionBody(encode_detections(found))


def show(
    bench: StageBench, stage: Overlay, body: DetectionBody, frame_id: int, *, epoch: int = 1
) -> Pixels:
    """The canvas of a frame, where a frame comes each 100 ms."""
    frame = bench.make_frame(frame_id, body, grey=120)
    bench.ring.times[frame.ref.slot, 0] = 100 * frame_id * MS
    frame.ref = msgspec.structs.replace(frame.ref, epoch=epoch)
    stage.process(frame)
    return np.array(frame["canvas"])


def trail_px(canvas: Pixels, track_id: int = 17) -> int:
    """How long the trail is, to the left of the box."""
    seen = np.flatnonzero(find_colour(canvas[290:311], track_colour(track_id)).any(axis=0))
    return int(seen[-1] - seen[0] + 1) if len(seen) else 0


def walk(bench: StageBench, stage: Overlay, frames: range) -> Pixels:
    """Track 17 goes 10 pixels to the right in each frame."""
    for i in frames:
        canvas = show(bench, stage, see(17, 100 + 10 * i), i)
    return canvas


def test_a_track_has_its_colour_and_leaves_a_trail(wide: StageBench) -> None:
    stage = Overlay(OverlayOptions(LABELS), wide.context)
    assert trail_px(walk(wide, stage, range(1))) < 50  # the box
    assert trail_px(walk(wide, stage, range(1, 11))) == pytest.approx(120, abs=10)
    assert trail_px(walk(wide, stage, range(11, 41))) == pytest.approx(220, abs=15)  # 2 s


def test_a_process_that_is_started_again_begins_trails_anew(wide: StageBench) -> None:
    walk(wide, Overlay(OverlayOptions(LABELS), wide.context), range(20))
    successor = Overlay(OverlayOptions(LABELS), wide.context)
    assert trail_px(walk(wide, successor, range(20, 21))) < 50
    assert trail_px(walk(wide, successor, range(21, 31))) > 100


def test_frames_that_come_again_do_not_tangle_a_trail(wide: StageBench) -> None:
    stage = Overlay(OverlayOptions(LABELS), wide.context)
    before = walk(wide, stage, range(20))
    for i in range(10, 19):
        show(wide, stage, see(17, 100 + 10 * i), i)
    assert trail_px(walk(wide, stage, range(19, 20))) == trail_px(before)


def test_a_new_epoch_has_no_trails_of_the_one_before(wide: StageBench) -> None:
    stage = Overlay(OverlayOptions(LABELS), wide.context)
    walk(wide, stage, range(20))
    assert trail_px(show(wide, stage, see(17, 400), 0, epoch=2)) < 50
    assert trail_px(show(wide, stage, see(17, 460), 1, epoch=2)) > 70  # its clock began anew


def test_each_camera_has_trails_and_regions_of_its_own(wide: StageBench) -> None:
    stage = Overlay(YARD, wide.context)
    walk(wide, stage, range(20))
    frame = wide.make_frame(0, see(17, 300), grey=120, camera=1)
    stage.process(frame)
    assert trail_px(frame["canvas"]) < 50
    assert not find_colour(frame["canvas"], zone_colour(0)).any()
    assert not find_colour(frame["canvas"], LINE_COLOUR).any()


def test_zones_and_lines_are_drawn_with_what_was_counted(wide: StageBench) -> None:
    tallies = Tallies(
        {"lawn": ZoneTally({"person": 2, "car": 1}, {"person": 9})},
        {"drive": {"in": {"person": 3, "car": 4}, "out": {}}},
    )
    body = msgspec.structs.replace(NOTHING, tallies=encode_tallies(tallies))
    stage = Overlay(YARD, wide.context)
    canvas = show(wide, stage, body, 0)
    expected = np.full_like(canvas, 120)
    plates = Plates(expected)
    plates.add("lawn: 3 inside", zone_colour(0), (64, 48))
    plates.add("drive: in 7 / out 0", LINE_COLOUR, (448, 96))
    plates.draw()
    plate = (expected != 120).any(axis=2)
    assert (canvas[plate] == expected[plate]).all()
    assert tuple(canvas[100, 150]) != (120, 120, 120)  # the tint
    idle = wide.make_frame(1, body, grey=120)
    stage.pass_idle(idle)
    assert (idle["canvas"][plate] == expected[plate]).all()


def test_before_anything_is_counted_zones_and_lines_have_their_names(wide: StageBench) -> None:
    stage = Overlay(YARD, wide.context)
    drawn = show(wide, stage, NOTHING, 0)
    failed = wide.make_frame(1, failure="detect: no memory", grey=120)
    stage.pass_failed(failed)
    for canvas in (drawn, failed["canvas"]):
        assert find_colour(canvas, zone_colour(0))[30:48, 64:100].any()
        assert find_colour(canvas, LINE_COLOUR)[80:96, 448:490].any()
    assert (drawn[:400] == failed["canvas"][:400]).all()


def test_other_regions_are_drawn_from_the_next_frame_on_and_trails_stay(wide: StageBench) -> None:
    stage = Overlay(YARD, wide.context)
    before = walk(wide, stage, range(20))
    moved = Zone("lawn", tuple((x + 0.5, y) for x, y in ZONE.polygon))
    stage.reconfigure(OverlayOptions(LABELS, {"yard": Regions(zones=(moved,))}))
    after = walk(wide, stage, range(20, 21))
    for canvas, left, right in ((before, True, False), (after, False, True)):
        seen = find_colour(canvas, zone_colour(0))
        assert [seen[:, :320].any(), seen[:, 320:].any()] == [left, right]
    assert not find_colour(after, LINE_COLOUR).any()
    assert trail_px(after) == pytest.approx(trail_px(before), abs=15)


def test_ignored_parts_are_dark(wide: StageBench) -> None:
    corner = ((0.5, 0.5), (1.0, 0.5), (1.0, 1.0), (0.5, 1.0))
    options = OverlayOptions(LABELS, {"yard": Regions(ignored=(corner,))})
    canvas = show(wide, Overlay(options, wide.context), NOTHING, 0)
    assert canvas[250:470, 330:630].mean() < 110
    assert (canvas[:230] == 120).all()


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
