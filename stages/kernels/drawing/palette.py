"""Colours of what is drawn, blue first."""

import colorsys
from functools import cache, lru_cache

Colour = tuple[int, int, int]  # blue, green, red

BLACK: Colour = (0, 0, 0)
WHITE: Colour = (255, 255, 255)
# Hues that follow each other by the golden angle stay apart however many there are.
GOLDEN_TURN = 0.381966
FIRST_HUE = 0.33
KEPT_COLOURS = 4096  # of tracks: their ids grow without end


@cache
def class_colour(class_id: int) -> Colour:
    """The colour of a class: the same in every frame and every run."""
    return _turned_colour(class_id)


@lru_cache(maxsize=KEPT_COLOURS)
def track_colour(track_id: int) -> Colour:
    """The colour of a track: the same for as long as it lives."""
    return _turned_colour(track_id)


@cache
def zone_colour(number: int) -> Colour:
    """The colour of a zone, by its place in the configuration: paler than what is inside."""
    return _to_bgr(0.5 + number * GOLDEN_TURN, 0.45, 1.0)


@lru_cache(maxsize=KEPT_COLOURS)
def ink_colour(background: Colour) -> Colour:
    """Black or white, whichever reads better on `background` (Rec. 601 luma)."""
    blue, green, red = background
    return BLACK if 0.114 * blue + 0.587 * green + 0.299 * red > 110 else WHITE


def _turned_colour(number: int) -> Colour:
    return _to_bgr(FIRST_HUE + number * GOLDEN_TURN, 0.85, 1.0 if number % 2 == 0 else 0.85)


def _to_bgr(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return round(255 * blue), round(255 * green), round(255 * red)
