"""What is to be found in the images of a batch, padded to M boxes per image.

Shapes: N images, M padded ground truth boxes, K classes.
"""

from typing import NamedTuple

from torch import Tensor

IGNORE = -1
PADDING = 0


class GroundTruth(NamedTuple):
    boxes: Tensor  # (N, M, 4) xyxy pixels
    labels: Tensor  # (N, M) class 1..K, PADDING, or IGNORE: neither object nor background
    labelled: Tensor  # (N, K) bool, classes annotated exhaustively in the image
