"""Images of a batch in which nothing is to be found, of which others are given something.

Shapes: N images, M padded boxes, K classes.
"""

import torch
from torch import Tensor

from models.thundernet.ground_truth import PADDING, GroundTruth


def images_without_objects(truth: GroundTruth) -> Tensor:
    """Numbers of the images in which nothing is marked, no region to ignore either."""
    return (truth.labels == PADDING).all(dim=1).nonzero()[:, 0]


def labelled_in_both(truth: GroundTruth, source: Tensor, wanted: Tensor) -> Tensor:
    """Classes (N, K) that are known of images of which those `wanted` show some of their `source`.

    An image without marks may show what it was not labelled for.
    """
    return truth.labelled & torch.where(wanted[:, None], truth.labelled[source], True)
