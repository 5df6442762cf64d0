"""What teacher and student say of RoIs: in the form of maps of one cell.

A teacher of another kind has no RoIs; what its maps hold about the middle of one is taken for what
it says of it (feature imitation at regions: Li et al., CVPR 2017; Wang et al., CVPR 2019).

Shapes: N images, R RoIs each, of which V count; a map of the teacher (N, C, h, w).
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

# Of an RoI's sides: a grid in its middle third, where less of what surrounds the object is.
PLACES = (1 / 3, 1 / 2, 2 / 3)


class Regions(NamedTuple):
    boxes: Tensor  # (N, R, 4) xyxy in parts of the image
    valid: Tensor  # (N, R) bool
    hidden: Tensor  # (N, R, F), what the student's head holds of them

    def of_student(self) -> Tensor:
        """(V, F, 1, 1)."""
        return as_map(self.hidden[self.valid])

    def of_teacher(self, maps: Tensor) -> Tensor:
        """The map's mean in the middle of each RoI, between cells bilinear: (V, C, 1, 1)."""
        return as_map(means_inside(maps, self.boxes)[self.valid])


def as_map(rows: Tensor) -> Tensor:
    """(V, C) -> (V, C, 1, 1): of no RoI at all it is a map of no image, which layers take."""
    return rows[:, :, None, None]


def means_inside(maps: Tensor, boxes: Tensor) -> Tensor:
    """(N, C, h, w) in the middle of boxes (N, R, 4), which are parts of the image: (N, R, C)."""
    places = torch.tensor(PLACES, device=boxes.device)
    rows, columns = torch.meshgrid(places, places, indexing="ij")
    inside = torch.stack((columns, rows), dim=-1).view(1, 1, -1, 2)
    corner, opposite = boxes[:, :, None, :2], boxes[:, :, None, 2:]
    points = corner + (opposite - corner) * inside  # (N, R, 9, 2)
    found = F.grid_sample(maps, points * 2 - 1, padding_mode="border", align_corners=False)
    return found.mean(dim=-1).transpose(1, 2)
