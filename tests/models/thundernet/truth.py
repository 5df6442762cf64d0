"""Random ground truth of a few boxes."""

import torch

from models.thundernet.ground_truth import PADDING, GroundTruth


def random_truth(images: int = 2) -> GroundTruth:
    generator = torch.Generator().manual_seed(3)
    corner = torch.rand(images, 4, 2, generator=generator) * 50
    boxes = torch.cat((corner, corner + 30), dim=2)
    labels = torch.tensor([[1, 5, 11, PADDING]] * images)
    return GroundTruth(boxes, labels, torch.ones(images, 11, dtype=torch.bool))
