"""Windows in which nothing is: what a detector must learn not to see.

Nearly every photograph of a detection data set shows an object. A network that saw no others makes
objects of empty places.

Shapes: N images, T tries, M padded boxes.
"""

import torch
from torch import Tensor

from models.thundernet.ground_truth import PADDING

TRIES = 8
NOISE = 3 * TRIES  # numbers per image
SIDES = (0.25, 0.7)  # of the image; an object-free part of a photograph is rarely larger
MOST_COVERED = 0.02  # of the window, by boxes of objects and of what may be one


def background_windows(boxes: Tensor, labels: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """The emptiest of some random windows (N, 4), in parts of the image; whether it is empty (N,).

    Args:
        boxes: (N, M, 4) xyxy in parts of the image; regions to ignore count as objects.
        labels: (N, M).
        noise: (N, NOISE) in [0, 1).
    """
    low, high = SIDES
    side, *place = noise.view(len(noise), 3, TRIES).unbind(dim=1)  # (N, T) each
    side = low + (high - low) * side
    corner = (1 - side)[..., None] * torch.stack(place, dim=-1)  # (N, T, 2)
    windows = torch.cat((corner, corner + side[..., None]), dim=-1)  # (N, T, 4)
    low, high = (corners.repeat(1, 1, 2)[:, None] for corners in boxes.split(2, dim=-1))
    shared = windows[:, :, None].clamp(low, high)  # (N, T, M, 4)
    area = (shared[..., 2:] - shared[..., :2]).prod(dim=-1)
    covered = (area * (labels != PADDING)[:, None]).sum(dim=-1) / side**2  # (N, T)
    least, which = covered.min(dim=1)
    chosen = windows[torch.arange(len(windows), device=windows.device), which]
    return chosen, least <= MOST_COVERED
