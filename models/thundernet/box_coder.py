"""Boxes as offsets from reference boxes, and back (R-CNN parametrisation).

dx = (gx - ax) / aw, dw = log(gw / aw), each divided by its standard deviation.
Shapes: any leading dimensions, last one 4; boxes xyxy pixels.
"""

import math

import torch
from torch import Tensor

from models.thundernet.input_shape import InputShape

RPN_STDS = (1.0, 1.0, 1.0, 1.0)
ROI_STDS = (0.1, 0.1, 0.2, 0.2)
# Beyond this a prediction would enlarge a 16-pixel anchor past 1000 pixels; exp() stays finite.
SCALE_CLAMP = math.log(1000.0 / 16)


def xyxy_to_cxcywh(boxes: Tensor) -> Tensor:
    centre = (boxes[..., :2] + boxes[..., 2:]) / 2
    return torch.cat((centre, boxes[..., 2:] - boxes[..., :2]), dim=-1)


def encode(reference: Tensor, boxes: Tensor, stds: tuple[float, ...]) -> Tensor:
    """Deltas that carry `reference` onto `boxes`; sides under 1 pixel count as 1."""
    source, target = xyxy_to_cxcywh(reference), xyxy_to_cxcywh(boxes)
    source_wh = source[..., 2:].clamp(min=1)
    offset = (target[..., :2] - source[..., :2]) / source_wh
    scale = (target[..., 2:].clamp(min=1) / source_wh).log()
    deltas = torch.cat((offset, scale), dim=-1).unbind(dim=-1)
    # Column by column: a tensor of the four numbers would be copied to the device at every call.
    return torch.stack([d / std for d, std in zip(deltas, stds, strict=True)], dim=-1)


def decode(reference: Tensor, deltas: Tensor, stds: tuple[float, ...]) -> Tensor:
    """Boxes that `deltas` make of `reference`: the inverse of `encode`."""
    source = xyxy_to_cxcywh(reference)
    source_wh = source[..., 2:].clamp(min=1)
    columns = zip(deltas.unbind(dim=-1), stds, strict=True)
    deltas = torch.stack([column * std for column, std in columns], dim=-1)
    centre = source[..., :2] + deltas[..., :2] * source_wh
    half = source_wh * deltas[..., 2:].clamp(max=SCALE_CLAMP).exp() / 2
    return torch.cat((centre - half, centre + half), dim=-1)


def clip_to_image(boxes: Tensor, size: int | InputShape) -> Tensor:
    """Boxes (..., 4) xyxy, cut at the borders of the input."""
    if isinstance(size, int):
        return boxes.clamp(0, size)
    return boxes.clamp(min=0).minimum(size.corners)
