import tracemalloc

import cv2
import numpy as np
import pytest

from stages.kernels.resize import BILINEAR, ResizeError, warp_into


@pytest.fixture
def frame() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (90, 160, 3), np.uint8)


def test_warp_fills_the_given_tensor_bilinear(frame: np.ndarray) -> None:
    tensor = np.zeros((32, 48, 3), np.uint8)
    warp_into(frame, tensor)
    np.testing.assert_array_equal(tensor, cv2.resize(frame, (48, 32), interpolation=BILINEAR))


def test_warp_writes_through_a_view_of_shared_bytes(frame: np.ndarray) -> None:
    memory = bytearray(64 + 32 * 48 * 3)
    tensor = np.frombuffer(memory, np.uint8, offset=64).reshape(32, 48, 3)
    warp_into(frame, tensor)
    assert bytes(memory[:64]) == bytes(64)
    np.testing.assert_array_equal(tensor, cv2.resize(frame, (48, 32), interpolation=BILINEAR))


def test_warp_of_a_frame_that_fits_is_a_copy(frame: np.ndarray) -> None:
    tensor = np.zeros_like(frame)
    warp_into(frame, tensor)
    np.testing.assert_array_equal(tensor, frame)


def test_warp_allocates_nothing_of_tensor_size(frame: np.ndarray) -> None:
    tensor = np.zeros((320, 320, 3), np.uint8)
    warp_into(frame, tensor)
    tracemalloc.start()
    warp_into(frame, tensor)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 4096


@pytest.mark.parametrize(
    "tensor",
    [
        np.zeros((32, 48, 3), np.float32),  # OpenCV would fill an array of its own
        np.zeros((32, 48), np.uint8),  # one channel
        np.zeros((32, 48, 4), np.uint8),  # four
    ],
)
def test_warp_refuses_a_tensor_that_would_stay_empty(frame: np.ndarray, tensor: np.ndarray) -> None:
    with pytest.raises(ResizeError, match=r"tensor: expected uint8 \(H, W, 3\), got"):
        warp_into(frame, tensor)


@pytest.mark.parametrize(
    "broken",
    [
        np.zeros((0, 160, 3), np.uint8),  # no line arrived
        np.zeros((90, 160), np.uint8),  # grey
        np.zeros((90, 160, 3), np.uint16),  # 12-bit camera
    ],
)
def test_warp_refuses_a_broken_frame(broken: np.ndarray) -> None:
    with pytest.raises(ResizeError, match="frame: expected uint8"):
        warp_into(broken, np.zeros((32, 48, 3), np.uint8))
