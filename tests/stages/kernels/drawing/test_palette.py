import itertools

import numpy as np

from stages.kernels.drawing.palette import (
    KEPT_COLOURS,
    class_colour,
    ink_colour,
    track_colour,
    zone_colour,
)


def test_colours_of_classes_are_told_apart() -> None:
    colours = [np.array(class_colour(i), int) for i in range(20)]
    distances = [np.abs(a - b).sum() for a, b in itertools.combinations(colours, 2)]
    assert min(distances) > 30


def test_colours_of_tracks_that_follow_each_other_differ_much() -> None:
    colours = [np.array(track_colour(i), int) for i in range(10_000, 10_200)]
    for apart in (1, 2, 3):
        distances = [np.abs(a - b).sum() for a, b in zip(colours, colours[apart:], strict=False)]
        assert min(distances) > 150


def test_colours_of_tracks_are_not_kept_without_end() -> None:
    before = track_colour(5)
    for track_id in range(3 * KEPT_COLOURS):
        track_colour(track_id)
    assert track_colour.cache_info().currsize <= KEPT_COLOURS
    assert track_colour(5) == before


def test_zones_are_paler_than_what_is_inside() -> None:
    for number in range(20):
        assert min(zone_colour(number)) > 2 * min(track_colour(number))


def test_text_can_be_read_on_its_plate() -> None:
    assert ink_colour((0, 255, 255)) == (0, 0, 0)
    assert ink_colour((255, 0, 0)) == (255, 255, 255)
