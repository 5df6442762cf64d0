import numpy as np
import pytest

from models.export.channels import BLOCKS, PADDING, arrange, pad_channels

pytestmark = pytest.mark.torch


def test_channels_are_padded_to_whole_blocks() -> None:
    for block in BLOCKS:
        assert pad_channels([3, 1, 2], block).tolist() == [3, 1, 2] + [PADDING] * (block - 3)
        assert pad_channels(range(block), block).tolist() == list(range(block))
    weight = np.arange(1, 7, dtype=np.float32).reshape(3, 2)
    arranged = arrange(weight, np.array([2, PADDING, 0]))
    np.testing.assert_array_equal(arranged, [[5, 6], [0, 0], [1, 2]])
    np.testing.assert_array_equal(arrange(weight, np.array([PADDING, 1]), axis=1)[:, 1], [2, 4, 6])
