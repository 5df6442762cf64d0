"""Texts on filled plates that avoid each other."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import cv2

from stages.kernels.drawing.palette import Colour, ink_colour
from stages.kernels.drawing.stroke import stroke_of
from stages.kernels.pixels import Pixels

FONT = cv2.FONT_HERSHEY_SIMPLEX
CELL_PX = 4  # of the map of what is taken, at the reference size: a plate is four cells high

Point = tuple[int, int]  # x and y in pixels
Box = tuple[int, int, int, int]  # left, top, right and bottom in pixels


class _Plate(NamedTuple):
    text: str
    colour: Colour
    width: int
    height: int
    baseline: int  # of the letters, above the lower edge


class Plates:
    """The texts of one frame: each gets a place when it is added, and `draw` paints them all.

    Those that are added first have the choice, and end on top. A plate that finds no place of its
    own is hidden in part rather than left out.
    """

    def __init__(self, canvas: Pixels) -> None:
        self._canvas = canvas
        self._height, self._width = canvas.shape[:2]
        self._stroke = stroke_of(canvas)
        self._plates: list[tuple[_Plate, Point]] = []
        self._cell_px = max(1, round(CELL_PX * self._stroke.growth))
        # A bit for each cell that a plate covers, in one number for each row.
        self._rows = [0] * (self._height // self._cell_px + 1)

    def add(self, text: str, colour: Colour, *corners: Point) -> None:
        """A plate whose lower left corner is the first of these that is free."""
        plate = self._measure(text, colour)
        if not self._place(plate, corners):
            self._put(plate, corners[0])

    def add_to_box(self, texts: Sequence[str], colour: Colour, box: Box) -> None:
        """A plate above the box, or wherever else it belongs to the box and is free.

        Where there is no room for the first text, the next is tried.
        """
        for text in texts:
            plate = self._measure(text, colour)
            if self._place(plate, _corners_of(box, plate)):
                return
        self._put(plate, box[:2])

    def keep_free(self, box: Box) -> None:
        """Let no plate that is added later cover this, if there is room elsewhere."""
        self._take(*self._cells_of(*(max(0, side) for side in box)))

    def draw(self) -> None:
        """Paint the plates; they are forgotten then, and their places stay taken."""
        while self._plates:
            self._paint(*self._plates.pop())

    def _measure(self, text: str, colour: Colour) -> _Plate:
        stroke = self._stroke
        (width, height), baseline = cv2.getTextSize(
            text, FONT, stroke.font_scale, stroke.font_weight
        )
        padding = stroke.padding_px
        return _Plate(
            text, colour, width + 2 * padding, height + baseline + 2 * padding, baseline + padding
        )

    def _move(self, plate: _Plate, corner: Point) -> Point:
        """The corner, or as near to it as it takes for the plate to be seen whole."""
        x, y = corner
        return max(0, min(x, self._width - plate.width)), max(plate.height, min(y, self._height))

    def _place(self, plate: _Plate, corners: Iterable[Point]) -> bool:
        for corner in corners:
            x, y = moved = self._move(plate, corner)
            rows, bits = self._cells_of(x, y - plate.height, x + plate.width, y)
            if not any(row & bits for row in self._rows[rows]):
                self._take(rows, bits)
                self._plates.append((plate, moved))
                return True
        return False

    def _put(self, plate: _Plate, corner: Point) -> None:
        """Place it there, whatever it covers."""
        x, y = moved = self._move(plate, corner)
        self._take(*self._cells_of(x, y - plate.height, x + plate.width, y))
        self._plates.append((plate, moved))

    def _take(self, rows: slice, bits: int) -> None:
        self._rows[rows] = [row | bits for row in self._rows[rows]]

    def _cells_of(self, left: int, upper: int, right: int, lower: int) -> tuple[slice, int]:
        """The rows that a part of the canvas has, and the bits in each; not what it touches."""
        cell = self._cell_px
        return slice(upper // cell, lower // cell), (1 << right // cell) - (1 << left // cell)

    def _paint(self, plate: _Plate, corner: Point) -> None:
        (x, y), stroke = corner, self._stroke
        upper, lower = (x, y - plate.height), (x + plate.width - 1, y - 1)
        cv2.rectangle(self._canvas, upper, lower, plate.colour, cv2.FILLED)
        cv2.putText(
            self._canvas, plate.text, (x + stroke.padding_px, y - plate.baseline), FONT,
            stroke.font_scale, ink_colour(plate.colour), stroke.font_weight, cv2.LINE_AA,
        )  # fmt: skip


def _corners_of(box: Box, plate: _Plate) -> Iterator[Point]:
    """Lower left corners: above the box, below it, inside at its upper edge, and beside that."""
    left, upper, right, lower = box
    yield left, upper
    yield right - plate.width, upper
    below, within = lower + plate.height, upper + plate.height
    yield left, below
    yield right - plate.width, below
    yield left, within
    yield right, within
    yield left - plate.width, within
