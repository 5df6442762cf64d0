"""The R-CNN subnet in its two forms: the paper's, and that of the authors' published code."""

import pytest
import torch
from torch import nn

from models.thundernet.box_coder import ROI_STDS, decode
from models.thundernet.roi_head import RoiHead, decode_rois, deltas_of_class

pytestmark = pytest.mark.torch

CLASSES = 3


def test_default_head_is_one_layer_and_one_box() -> None:
    shapes = {name: tuple(value.shape) for name, value in RoiHead(10, 8, 3).state_dict().items()}
    assert shapes == {
        "hidden.0.weight": (8, 10),
        "hidden.0.bias": (8,),
        "classify.weight": (4, 8),
        "classify.bias": (4,),
        "box.weight": (4, 8),
        "box.bias": (4,),
    }


def test_second_layer_reads_the_first() -> None:
    head = RoiHead(10, 8, CLASSES, hidden_layers=2)
    pooled = torch.randn(1, 5, 10, generator=torch.Generator().manual_seed(0))
    one, _, two, _ = head.hidden
    assert isinstance(one, nn.Linear)
    assert isinstance(two, nn.Linear)
    with torch.no_grad():
        first = (pooled @ one.weight.T + one.bias).clamp(min=0)
        second = (first @ two.weight.T + two.bias).clamp(min=0)
        expected = second @ head.classify.weight.T + head.classify.bias
        torch.testing.assert_close(head(pooled).class_logits, expected)


def test_outputs_of_the_box_layer_are_in_class_order() -> None:
    head = RoiHead(10, 8, CLASSES, class_specific_boxes=True)
    with torch.no_grad():
        head.box.weight.zero_()
        head.box.bias.copy_(torch.arange(12))
        deltas = head(torch.zeros(2, 5, 10)).deltas
    assert deltas.shape == (2, 5, CLASSES, 4)
    assert deltas[1, 4].tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]


def test_deltas_are_those_of_the_class() -> None:
    deltas = torch.arange(12.0).view(1, 1, CLASSES, 4).expand(1, 4, -1, -1)
    picked = deltas_of_class(deltas, torch.tensor([[1, 3, 2, 0]]))
    assert picked[0, :, 0].tolist() == [0, 8, 4, 0]  # background has none: class 1 stands in


def test_every_class_moves_the_roi_by_its_own_deltas() -> None:
    generator = torch.Generator().manual_seed(1)
    rois = torch.tensor([[[10.0, 20.0, 50.0, 90.0], [0.0, 0.0, 30.0, 30.0]]])
    deltas = torch.randn(1, 2, CLASSES, 4, generator=generator)
    boxes = decode_rois(rois, deltas)
    for label in range(CLASSES):
        expected = decode(rois, deltas[:, :, label], ROI_STDS)
        torch.testing.assert_close(boxes[:, :, label], expected)
