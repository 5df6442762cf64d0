import pytest

from stages.kernels.drawing.palette import WHITE, Colour
from stages.kernels.drawing.plates import Plates
from tests.stages.kernels.drawing.canvases import (
    SIZES_WH,
    extent,
    find_colour,
    find_painted,
    make_canvas,
)

CYAN: Colour = (255, 255, 0)
PINK: Colour = (200, 100, 255)
TEXT = "person 17 87%"


def areas(width: int, height: int, *placed: tuple[Colour, tuple[int, int]]) -> list[int]:
    """How many pixels are seen of each plate."""
    canvas = make_canvas(width, height)
    plates = Plates(canvas)
    for colour, corner in placed:
        plates.add(TEXT, colour, corner)
    plates.draw()
    return [int(find_colour(canvas, colour).sum()) for colour, _ in placed]


@pytest.mark.parametrize(("width", "height"), SIZES_WH)
@pytest.mark.parametrize("share_xy", [(0, 0), (1, 0), (0, 1), (1, 1), (-2, 3), (0.5, 0.5)])
def test_a_plate_is_whole_wherever_it_shall_be(
    width: int, height: int, share_xy: tuple[float, float]
) -> None:
    inside = areas(width, height, (CYAN, (width // 3, height // 2)))
    corner = round(share_xy[0] * width), round(share_xy[1] * height)
    assert areas(width, height, (CYAN, corner)) == inside


@pytest.mark.parametrize(("width", "height"), SIZES_WH)
def test_a_plate_stands_on_its_corner(width: int, height: int) -> None:
    canvas = make_canvas(width, height)
    plates = Plates(canvas)
    plates.add(TEXT, CYAN, (width // 4, height // 2))
    plates.draw()
    left, _, _, bottom = extent(find_painted(canvas))
    assert (left, bottom) == (width // 4, height // 2 - 1)


@pytest.mark.parametrize(("width", "height"), SIZES_WH)
def test_letters_grow_with_the_frame_and_stay_readable(width: int, height: int) -> None:
    canvas = make_canvas(width, height)
    plates = Plates(canvas)
    plates.add(TEXT, CYAN, (0, height // 2))
    plates.draw()
    left, top, right, bottom = extent(find_painted(canvas))
    plate = canvas[top : bottom + 1, left : right + 1]
    _, first, _, last = extent(plate[:, :, 0] < 128)
    assert last + 1 - first >= 10 * max(0.8, min(width / 640, height / 480))
    assert first > 0
    assert last < len(plate) - 1
    assert right < width / 2


def test_the_first_free_corner_is_taken() -> None:
    canvas = make_canvas(640, 480)
    plates = Plates(canvas)
    plates.add(TEXT, CYAN, (100, 200))
    plates.add(TEXT, PINK, (120, 205), (300, 400))
    plates.draw()
    left, _, _, bottom = extent(find_colour(canvas, PINK))
    assert (left, bottom) == (300, 399)


def test_where_nothing_is_free_the_first_ends_on_top() -> None:
    corner = (100, 200)
    alone = areas(640, 480, (CYAN, corner))
    assert areas(640, 480, (CYAN, corner), (PINK, corner)) == [alone[0], 0]


def test_plates_side_by_side_do_not_move_each_other() -> None:
    canvas = make_canvas(640, 480)
    plates = Plates(canvas)
    plates.add(TEXT, CYAN, (100, 200))
    plates.draw()
    left, top, right, bottom = extent(find_painted(canvas))
    for corner in ((right + 1, bottom + 1), (left, top), (left, 2 * bottom - top + 2)):
        plates.add(TEXT, PINK, corner, (0, 480))
    plates.draw()
    assert not find_painted(canvas)[-20:].any()


def test_a_shorter_text_is_taken_where_there_is_no_room() -> None:
    canvas = make_canvas(640, 480)
    plates = Plates(canvas)
    plates.keep_free((0, 0, 640, 200))
    plates.keep_free((0, 230, 640, 480))
    plates.keep_free((0, 200, 280, 230))
    plates.keep_free((340, 200, 640, 230))
    plates.add_to_box(["a text that needs much room", "17"], CYAN, (285, 225, 335, 400))
    plates.draw()
    left, top, right, bottom = extent(find_painted(canvas))
    assert left >= 280
    assert right <= 340
    assert top >= 200
    assert bottom <= 230


def test_a_box_at_the_top_has_its_text_below_or_inside() -> None:
    canvas = make_canvas(640, 480)
    plates = Plates(canvas)
    plates.keep_free((0, 0, 640, 30))
    plates.add_to_box([TEXT], WHITE, (200, 30, 260, 300))
    plates.draw()
    assert extent(find_painted(canvas))[1] >= 300


@pytest.mark.parametrize("box", [(-50, -50, -10, -10), (700, 500, 800, 600), (-9, -9, 999, 999)])
def test_boxes_outside_of_the_picture_are_no_mistake(box: tuple[int, int, int, int]) -> None:
    canvas = make_canvas(640, 480)
    plates = Plates(canvas)
    plates.keep_free(box)
    plates.add_to_box([TEXT], CYAN, box)
    plates.draw()
    assert find_painted(canvas).any()


def test_a_canvas_smaller_than_a_plate_is_painted_on() -> None:
    canvas = make_canvas(16, 8)
    plates = Plates(canvas)
    plates.add(TEXT, CYAN, (3, 5))
    plates.add_to_box([TEXT, "17"], PINK, (1, 1, 9, 5))
    plates.draw()
    assert find_painted(canvas).all()
