"""Size of the network's input: a square in training, as wide as a picture where it is deployed so.

ThunderNet is convolutional up to the RoIs, and an RoI is read by where it lies; so the weights of a
square serve a rectangle.
"""

import re
from typing import NamedTuple

import torch
from torch import Tensor

from models.errors import ConfigError


class InputShape(NamedTuple):
    """Pixels of the network's input."""

    height: int
    width: int

    @classmethod
    def square(cls, size: int) -> "InputShape":
        return cls(size, size)

    @property
    def wh(self) -> tuple[int, int]:
        return self.width, self.height

    @property
    def corners(self) -> Tensor:
        """(4,) xyxy: the largest coordinates that lie in the input."""
        return torch.tensor([self.width, self.height] * 2, dtype=torch.float32)


def parse_input_shape(text: str) -> InputShape:
    """Of `320`, a square, or `448x256`, width by height. Raises ConfigError."""
    found = re.fullmatch(r"([0-9]{1,5})(?:x([0-9]{1,5}))?", text)
    if found is None:
        raise ConfigError(
            f"input size: expected pixels, or width x height such as 448x256, got {text}"
        )
    width, height = int(found[1]), int(found[2] or found[1])
    check_input_size(width)
    check_input_size(height)
    return InputShape(height, width)


def check_input_size(size: int) -> None:
    """Raises ConfigError unless C5, at stride 32, is exactly half of C4."""
    if size < 64 or size % 32:
        raise ConfigError(f"input size: expected a multiple of 32 from 64 up, got {size}")
