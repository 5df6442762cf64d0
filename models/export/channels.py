"""Which channel of the trained network each channel of an exported tensor holds.

The runtime's fastest convolutions work on blocks of channels, 16 on AVX-512 and AArch64 and 8 on
AVX2. A count that is no multiple of the block costs a tensor and its neighbours the fast layout. So
tensors are padded with channels that are zero: their weights, coming and going, are zero, which
changes no result.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

PADDING = -1
BLOCKS = (16, 8)
DEFAULT_BLOCK = 16  # on AVX2 its tensors are whole blocks too, on AVX-512 those of 8 are not


class Feature(NamedTuple):
    """A tensor (1, len(channels), H, W) of the graph."""

    tensor: str
    channels: NDArray[np.int64]  # index in the trained network, or PADDING


def pad_count(count: int, block: int) -> int:
    """The next multiple of `block`."""
    return -(-count // block) * block


def pad_channels(channels: Sequence[int] | NDArray[np.int64], block: int) -> NDArray[np.int64]:
    """The channels, followed by padding up to whole blocks."""
    padded = np.full(pad_count(len(channels), block), PADDING, np.int64)
    padded[: len(channels)] = channels
    return padded


def arrange(
    weight: NDArray[np.float32], channels: NDArray[np.int64], axis: int = 0
) -> NDArray[np.float32]:
    """The slices of `weight` along `axis` in the order of `channels`; zero for padding."""
    arranged = weight.take(np.maximum(channels, 0), axis=axis)
    is_padding = np.expand_dims(channels == PADDING, [i for i in range(weight.ndim) if i != axis])
    return np.where(is_padding, np.float32(0), arranged)
