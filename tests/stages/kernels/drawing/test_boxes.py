import tracemalloc

import numpy as np
import pytest

from stages.kernels.detections import NO_TRACK, Detections
from stages.kernels.drawing.boxes import draw_boxes, draw_detections
from stages.kernels.drawing.palette import class_colour, ink_colour, track_colour
from tests.stages.kernels.drawing.canvases import GREY, SIZES_WH, make_canvas

LABELS = [f"class {i}" for i in range(12)]


def draw_one(canvas: np.ndarray, box: list[float], class_id: int = 0) -> None:
    class_ids = np.array([class_id], np.int32)
    draw_detections(
        canvas,
        Detections(np.array([box], np.float32), np.array([0.87], np.float32), class_ids),
        LABELS,
    )


@pytest.mark.parametrize(("width", "height"), SIZES_WH)
def test_box_is_outlined_in_the_colour_of_its_class(width: int, height: int) -> None:
    canvas = make_canvas(width, height)
    left, top, right, bottom = width // 5, height // 4, width // 2, 3 * height // 4
    draw_one(canvas, [left, top, right, bottom], class_id=3)
    middle_x, middle_y = (left + right) // 2, (top + bottom) // 2
    assert tuple(canvas[bottom, middle_x]) == class_colour(3)
    assert tuple(canvas[middle_y, left]) == class_colour(3)
    assert tuple(canvas[middle_y, middle_x]) == (GREY,) * 3  # what is inside can still be seen


@pytest.mark.parametrize(
    "box",
    [
        [0, 0, 50, 50],  # no room above
        [600, 470, 640, 480],  # no room to the right
        [-20, -20, 700, 500],  # larger than the frame
        [630, 0, 639, 3],  # a sliver in the corner
    ],
)
def test_label_stays_whole_inside_the_frame(box: list[float]) -> None:
    inner, edge = make_canvas(640, 480), make_canvas(640, 480)
    draw_one(inner, [200, 200, 300, 300])
    draw_one(edge, box)
    ink = ink_colour(class_colour(0))
    count = [(canvas == ink).all(axis=2).sum() for canvas in (inner, edge)]
    assert count[0] > 0
    assert count[1] == count[0]


def test_best_detection_ends_on_top() -> None:
    canvas = make_canvas(640, 480)
    boxes = np.array([[100, 100, 300, 300], [100, 100, 300, 300]], np.float32)
    scores = np.array([0.9, 0.4], np.float32)
    draw_detections(canvas, Detections(boxes, scores, np.array([1, 2], np.int32)), LABELS)
    assert tuple(canvas[300, 200]) == class_colour(1)


def test_no_detections_leave_the_canvas_alone() -> None:
    canvas = make_canvas(64, 48)
    nothing = Detections(
        np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int32)
    )
    draw_detections(canvas, nothing, LABELS)
    assert (canvas == 40).all()


def test_a_track_has_its_own_colour_whatever_its_class_is() -> None:
    canvas = make_canvas(640, 480)
    boxes = np.array([[40, 100, 140, 300], [240, 100, 340, 300], [440, 100, 540, 300]], np.float32)
    scores, class_ids = np.full(3, 0.9, np.float32), np.array([2, 2, 2], np.int32)
    track_ids = np.array([17, 18, NO_TRACK])
    draw_detections(canvas, Detections(boxes, scores, class_ids, track_ids), LABELS)
    seen = [tuple(canvas[300, x].tolist()) for x in (90, 290, 490)]
    assert seen == [track_colour(17), track_colour(18), class_colour(2)]


def test_the_text_of_a_track_holds_its_number() -> None:
    """The same text, where the number is part of the label, gives the same pixels."""
    box = np.array([[100, 100, 300, 300]], np.float32)
    tracked, named = make_canvas(640, 480), make_canvas(640, 480)
    score, class_id = np.array([0.87], np.float32), np.array([0], np.int32)
    draw_detections(tracked, Detections(box, score, class_id, np.array([17])), ["person"])
    draw_boxes(named, box, [track_colour(17)], [["person 17 87%"]])
    assert (tracked == named).all()


def test_texts_of_boxes_in_a_row_are_all_whole() -> None:
    """Boxes so narrow that the texts above them would cover each other."""
    apart, close = make_canvas(640, 480), make_canvas(640, 480)
    for canvas, pitch in ((apart, 150), (close, 40)):
        boxes = np.array([[20 + pitch * i, 200, 50 + pitch * i, 300] for i in range(4)], np.float32)
        draw_boxes(canvas, boxes, [(0, 255, 255)] * 4, [["person 17 87%"]] * 4)
    ink = [(canvas == ink_colour((0, 255, 255))).all(axis=2).sum() for canvas in (apart, close)]
    assert ink[0] > 0
    assert ink[1] == ink[0]


def test_drawing_allocates_nothing_of_frame_size() -> None:
    canvas = make_canvas(1920, 1080)
    boxes = np.tile(np.array([[100, 100, 900, 900]], np.float32), (20, 1))
    scores, class_ids = np.full(20, 0.5, np.float32), np.arange(20, dtype=np.int32) % 12
    detections = Detections(boxes, scores, class_ids)
    draw_detections(canvas, detections, LABELS)
    tracemalloc.start()
    draw_detections(canvas, detections, LABELS)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < canvas.nbytes / 50
