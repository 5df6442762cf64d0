import numpy as np
import pytest

from stages.kernels.tracking import motion
from stages.kernels.tracking.tracks import (
    BOX,
    COVAR,
    SPEED,
    VAR_CENTRE,
    VAR_SIZE,
    VAR_SPEED,
    VARIANCES,
    Floats,
    Tracks,
)

BOX_AT_0 = np.array([[100.0, 50.0, 3.0, 4.0]])


def begun() -> Floats:
    rows = Tracks(classes=1).add(1)
    motion.begin(rows, BOX_AT_0)
    return rows


def textbook(rows: Floats, seconds: float, box: Floats) -> tuple[Floats, Floats]:
    """State (2,) and covariance (2, 2) of x after one step of a Kalman filter in matrices."""
    state = np.array([rows[0, 0], rows[0, SPEED][0]])
    covariance = np.array(
        [[rows[0, VAR_CENTRE], rows[0, COVAR]], [rows[0, COVAR], rows[0, VAR_SPEED]]]
    )
    step = np.array([[1, seconds], [0, 1]])
    unit = np.array([[seconds**3 / 3, seconds**2 / 2], [seconds**2 / 2, seconds]])
    state, covariance = step @ state, step @ covariance @ step.T + 0.8**2 * unit
    gain = covariance[:, :1] / (covariance[0, 0] + motion.VAR_BOX)
    state = state + gain[:, 0] * (box[0, 0] - state[0])
    return state, (np.eye(2) - gain @ np.array([[1.0, 0.0]])) @ covariance


def test_a_step_is_that_of_a_kalman_filter_in_matrices() -> None:
    rows, rng = begun(), np.random.default_rng(3)
    for seconds in (0.04, 0.2, 0.04, 1.5, 0.1):
        box = BOX_AT_0 + rng.normal(0, 3, (1, 4))
        state, covariance = textbook(rows, seconds, box)
        motion.predict(rows, seconds)
        motion.correct(rows, box)
        assert [rows[0, 0], rows[0, SPEED][0]] == pytest.approx(state)
        expected = [covariance[0, 0], covariance[0, 1], covariance[1, 1]]
        assert rows[0, VARIANCES][:3] == pytest.approx(expected)


def test_a_step_in_parts_is_the_step() -> None:
    """Frames that were dropped are nothing but time."""
    whole, parts = begun(), begun()
    whole[:, SPEED] = parts[:, SPEED] = [[30.0, -20.0]]
    motion.predict(whole, 1.0)
    for seconds in (0.04, 0.2, 0.36, 0.4):
        motion.predict(parts, seconds)
    np.testing.assert_allclose(parts, whole)


def test_the_speed_is_found_at_any_frame_rate() -> None:
    for fps in (5, 10, 25):
        rows = begun()
        for k in range(1, 2 * fps):
            motion.predict(rows, 1 / fps)
            motion.correct(rows, BOX_AT_0 + np.array([60 * k / fps, -30 * k / fps, 0, 0]))
        assert rows[0, SPEED] == pytest.approx([60, -30], rel=0.02)


def test_what_is_not_seen_goes_on_and_grows_uncertain() -> None:
    rows = begun()
    rows[:, SPEED] = [[10.0, 0.0]]
    before = rows[0, VARIANCES].copy()
    motion.predict(rows, 2.0)
    assert rows[0, BOX] == pytest.approx([120, 50, 3, 4])
    assert (rows[0, [VAR_CENTRE, VAR_SPEED, VAR_SIZE]] > before[[0, 2, 3]]).all()


def test_the_size_follows_what_is_seen() -> None:
    rows = begun()
    for _ in range(20):
        motion.predict(rows, 0.1)
        motion.correct(rows, BOX_AT_0 + np.array([0, 0, 0.5, -0.5]))
    assert rows[0, BOX] == pytest.approx([100, 50, 3.5, 3.5], abs=0.03)
