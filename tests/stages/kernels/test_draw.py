import itertools
import tracemalloc

import numpy as np
import pytest

from stages.kernels.detections import Detections
from stages.kernels.draw import class_colour, draw_caption, draw_detections, ink_colour

LABELS = [f"class {i}" for i in range(12)]
SIZES_WH = [(640, 480), (1280, 720), (1920, 1080)]


def make_canvas(width: int, height: int) -> np.ndarray:
    return np.full((height, width, 3), 40, np.uint8)


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
    draw_one(canvas, [100, 100, 300, 400], class_id=3)
    assert tuple(canvas[400, 200]) == class_colour(3)
    assert tuple(canvas[250, 100]) == class_colour(3)
    assert tuple(canvas[250, 200]) == (40, 40, 40)  # what is inside can still be seen


@pytest.mark.parametrize(("width", "height"), SIZES_WH)
def test_letters_grow_with_the_frame(width: int, height: int) -> None:
    canvas = make_canvas(width, height)
    draw_one(canvas, [100, 100, 300, 400])
    ink = ink_colour(class_colour(0))
    rows = (canvas == ink).all(axis=2).any(axis=1).nonzero()[0]
    assert rows.max() - rows.min() >= height / 480 * 7


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


def test_caption_is_painted_at_the_lower_left() -> None:
    canvas = make_canvas(640, 480)
    draw_caption(canvas, "gate", 24.96, 31.4)
    assert (canvas[:440] == 40).all()
    assert (canvas[470:, :100] != 40).any()


def test_colours_of_classes_are_told_apart() -> None:
    colours = [np.array(class_colour(i), int) for i in range(20)]
    distances = [np.abs(a - b).sum() for a, b in itertools.combinations(colours, 2)]
    assert min(distances) > 30


def test_drawing_allocates_nothing_of_frame_size() -> None:
    canvas = make_canvas(1920, 1080)
    boxes = np.tile(np.array([[100, 100, 900, 900]], np.float32), (20, 1))
    scores, class_ids = np.full(20, 0.5, np.float32), np.arange(20, dtype=np.int32) % 12
    detections = Detections(boxes, scores, class_ids)
    draw_detections(canvas, detections, LABELS)
    tracemalloc.start()
    draw_detections(canvas, detections, LABELS)
    draw_caption(canvas, "gate", 25, 30)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < canvas.nbytes / 50
