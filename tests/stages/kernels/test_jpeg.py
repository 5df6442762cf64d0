import cv2
import numpy as np
import pytest

from stages.kernels.jpeg import encode_jpeg


def test_a_picture_is_nearly_the_same_after_jpeg() -> None:
    ramp = np.linspace(0, 255, 64 * 48 * 3).reshape(48, 64, 3).astype(np.uint8)
    decoded = cv2.imdecode(np.frombuffer(encode_jpeg(ramp), np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert np.abs(decoded.astype(int) - ramp).max() < 16


def test_a_picture_that_jpeg_cannot_hold_is_refused() -> None:
    with pytest.raises((ValueError, cv2.error)):
        encode_jpeg(np.zeros((1, 70_000, 3), np.uint8))
