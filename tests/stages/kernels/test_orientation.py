import numpy as np
import pytest

from stages.kernels.orientation import orientation_of, turn_into

IMAGE = np.arange(2 * 3, dtype=np.uint8).reshape(2, 3)
# What EXIF says: where the first row and the first column of the stored picture are to be seen.
UPRIGHT = {
    1: IMAGE,
    2: IMAGE[:, ::-1],
    3: IMAGE[::-1, ::-1],
    4: IMAGE[::-1],
    5: IMAGE.T,
    6: IMAGE[::-1].T,
    7: IMAGE[::-1, ::-1].T,
    8: IMAGE[:, ::-1].T,
}
MATRICES = {
    1: (1, 0, 0, 1), 2: (-1, 0, 0, 1), 3: (-1, 0, 0, -1), 4: (1, 0, 0, -1),
    5: (0, 1, 1, 0), 6: (0, 1, -1, 0), 7: (0, -1, -1, 0), 8: (0, -1, 1, 0),
}  # fmt: skip


def matrix(a: float, b: float, c: float, d: float) -> np.ndarray:
    one = 1 << 16
    rows = [a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30]
    return np.array(rows, np.int32)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_turned_upright(orientation: int, channels: int) -> None:
    stored, expected = IMAGE, UPRIGHT[orientation]
    if channels == 3:
        stored, expected = np.dstack([stored] * 3), np.dstack([expected] * 3)
    out = np.empty(expected.shape, np.uint8)
    turn_into(stored, orientation, out)
    assert (out == expected).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_display_matrices_are_read(orientation: int) -> None:
    """A pixel at (x, y) is shown at (ax + cy, bx + dy), but for the offset."""
    a, b, c, d = MATRICES[orientation]
    assert orientation_of(matrix(a, b, c, d)) == orientation
    height, width = IMAGE.shape
    upright = UPRIGHT[orientation]
    shown = {}
    for y in range(height):
        for x in range(width):
            shown[a * x + c * y, b * x + d * y] = IMAGE[y, x]
    left, top = min(x for x, _ in shown), min(y for _, y in shown)
    for (x, y), value in shown.items():
        assert upright[y - top, x - left] == value


def test_crooked_matrices_are_the_nearest_right_angle() -> None:
    turn = np.deg2rad(80)
    sine, cosine = float(np.sin(turn)), float(np.cos(turn))
    assert orientation_of(matrix(cosine, sine, -sine, cosine)) == 6
    assert orientation_of(matrix(2, 0.1, -0.1, 2)) == 1


def test_a_matrix_of_nothing_turns_nothing() -> None:
    assert orientation_of(np.zeros(9, np.int32)) == 1
    assert orientation_of(np.full(9, -(2**31), np.int32)) in range(1, 9)
