import numpy as np
import pytest

from stages.kernels.regions.ring import find_contact, is_on_one_line

SQUARE = [[0, 0], [1, 0], [1, 1], [0, 1]]


@pytest.mark.parametrize(
    "corners",
    [
        SQUARE,
        SQUARE[::-1],
        [[0, 0], [1, 0], [0.5, 1]],
        [[0, 0], [0.5, 0], [1, 0], [0.5, 1]],  # a corner on a straight edge
        [[0, 0], [1, 0], [1, 1], [0.7, 1], [0.7, 0.3], [0.3, 0.3], [0.3, 1], [0, 1]],
        [[0, 0], [0.1, 0.3], [0.7, 0.9], [0.2, 0.9]],
        [[0, 0], [0.5, 1], [1, 0], [0.2, 0]],  # the last edge goes on straight
    ],
)
def test_a_polygon_has_no_contact(corners: list[list[float]]) -> None:
    assert find_contact(np.array(corners)) is None


@pytest.mark.parametrize(
    ("corners", "edges"),
    [
        ([[0, 0], [1, 1], [1, 0], [0, 1]], (0, 2)),  # like a bow tie
        ([[0, 0], [1, 0], [1, 1], [0.5, 0], [0, 1]], (0, 2)),  # a corner on another edge
        ([[0.1, 0.1], [0.7, 0.1], [0.7, 0.7], [0.3, 0.1], [0.1, 0.7]], (0, 2)),
        ([[0, 0], [1, 0], [0.5, 0], [0.5, 1]], (0, 1)),  # there and back
        ([[0.5, 0], [0.5, 1], [0, 0], [1, 0]], (0, 2)),  # the first corner on a later edge
        ([[0, 0], [0.5, 1], [1, 0], [-0.2, 0]], (0, 2)),
        ([[0, 0], [3, 0], [3, 1], [2, 1], [2, 0], [1, 0], [1, 1], [0, 1]], (0, 3)),
    ],
)
def test_edges_that_meet_are_found(
    corners: list[list[float]], edges: tuple[int, int] | None
) -> None:
    assert find_contact(np.array(corners)) == edges


def test_an_edge_that_folds_on_the_first_is_found() -> None:
    corners = np.array([[0, 0], [1, 0], [1, 1], [0.5, 0]])
    for shift in range(4):
        contact = find_contact(np.roll(corners, shift, axis=0))
        assert contact is not None
        assert {(edge - shift) % 4 for edge in contact} in ({0, 3}, {0, 2})


@pytest.mark.parametrize(
    ("corners", "is_flat"),
    [
        (SQUARE, False),
        ([[0.1, 0.1], [0.2, 0.2], [0.9, 0.9]], True),
        ([[0.1, 0.3], [0.2, 0.6], [0.3, 0.9]], True),
        ([[0.1, 0.1], [0.2, 0.2], [0.9, 0.901]], False),
        ([[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]], True),
    ],
)
def test_corners_on_one_line_are_no_polygon(corners: list[list[float]], is_flat: bool) -> None:
    assert is_on_one_line(np.array(corners)) == is_flat
