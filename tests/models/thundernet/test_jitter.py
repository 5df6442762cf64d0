import pytest
import torch

from models.thundernet.boxes import box_area, pairwise_intersection
from models.thundernet.jitter import jitter_boxes
from tests.models.thundernet.truth import random_truth

pytestmark = pytest.mark.torch


def test_jittered_boxes_are_copies_of_objects() -> None:
    truth = random_truth()
    noise = torch.rand(2, 50, 5, generator=torch.Generator().manual_seed(2))
    moved = jitter_boxes(truth, 50, 0.2, noise)
    assert moved.valid.all()
    objects = truth.boxes[:, :3]
    inter = pairwise_intersection(moved.boxes, objects)
    iou = inter / (box_area(moved.boxes)[..., None] + box_area(objects)[:, None] - inter)
    best, source = iou.max(dim=2)
    assert best.min() > 0.3
    assert (source.unsqueeze(2) == torch.arange(3)).any(dim=1).all()  # every object is copied


def test_no_objects_give_no_jittered_boxes() -> None:
    truth = random_truth()
    empty = truth._replace(labels=torch.zeros_like(truth.labels))
    assert not jitter_boxes(empty, 5, 0.2, torch.rand(2, 5, 5)).valid.any()
