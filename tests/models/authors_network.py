"""The authors' published detector, read slowly from a description of it: names, shapes, arithmetic.

Nothing here knows of the conversion under test. Channels, anchors and classes are in the authors'
order, images are RGB, and every sum is written out where it is not a convolution.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

WIDTHS = (24, 132, 264, 528)
UNITS = (4, 8, 4)
SCALES = (2, 4, 8, 16, 32)  # of 16 pixels
RATIOS = (0.5, 0.75, 1.0, 4 / 3, 2.0)  # height / width
BINS, DEPTH, CELL = 7, 5, 16
RGB_MEAN = (123.675, 116.28, 103.53)
RGB_STD = (58.395, 57.12, 57.375)


class Shapes:
    """Names and shapes in the order of definition."""

    def __init__(self) -> None:
        self.found: dict[str, tuple[int, ...]] = {}

    def add(self, name: str, *weight: int, bias: bool = False) -> None:
        self.found[f"{name}.weight"] = weight
        if bias:
            self.found[f"{name}.bias"] = (weight[0],)

    def norm(self, name: str, width: int) -> None:
        for part in ("weight", "bias", "running_mean", "running_var"):
            self.found[f"{name}.{part}"] = (width,)
        self.found[f"{name}.num_batches_tracked"] = ()


def list_shapes(classes: int) -> dict[str, tuple[int, ...]]:
    shapes = Shapes()
    shapes.add("backbone.first_conv.0", 24, 3, 3, 3)
    shapes.norm("backbone.first_conv.1", 24)
    for stage in range(3):
        before, after = WIDTHS[stage], WIDTHS[stage + 1]
        for unit in range(UNITS[stage]):
            entry, middle = before if unit == 0 else after // 2, after // 2
            leaving = after - entry  # the other branch, or the unread half, brings the rest
            branch = f"backbone.stage.{stage}.{unit}.branch"
            shapes.add(f"{branch}.0", middle, entry, 1, 1)
            shapes.norm(f"{branch}.1", middle)
            shapes.add(f"{branch}.3", middle, 1, 5, 5)
            shapes.norm(f"{branch}.4", middle)
            shapes.add(f"{branch}.5", leaving, middle, 1, 1)
            shapes.norm(f"{branch}.6", leaving)
            if unit == 0:
                shapes.add(f"{branch}_left.0", before, 1, 5, 5)
                shapes.norm(f"{branch}_left.1", before)
                shapes.add(f"{branch}_left.2", before, before, 1, 1)
                shapes.norm(f"{branch}_left.3", before)
    for name, width in (("C4", 264), ("C5", 528), ("Cglb", 528)):
        shapes.add(f"neck.{name}", 245, width, 1, 1, bias=True)
    shapes.add("rpn_head.rpn_conv.0", 245, 1, 5, 5)
    shapes.norm("rpn_head.rpn_conv.1", 245)
    shapes.add("rpn_head.rpn_conv.3", 256, 245, 1, 1)
    shapes.norm("rpn_head.rpn_conv.4", 256)
    shapes.add("rpn_head.sam_convs.0", 245, 256, 1, 1)
    shapes.norm("rpn_head.sam_convs.1", 245)
    shapes.add("rpn_head.rpn_cls", 25, 256, 1, 1, bias=True)
    shapes.add("rpn_head.rpn_reg", 100, 256, 1, 1, bias=True)
    shapes.add("roi_head.bbox_head.fc_cls", classes + 1, 1024, bias=True)
    shapes.add("roi_head.bbox_head.fc_reg", 4 * classes, 1024, bias=True)
    shapes.add("roi_head.bbox_head.shared_fcs.0", 1024, 245, bias=True)
    shapes.add("roi_head.bbox_head.shared_fcs.1", 1024, 1024, bias=True)
    return shapes.found


def draw_weights(classes: int, seed: int = 0) -> dict[str, Tensor]:
    """A state dict in which no two values agree, of a size that keeps activations moderate."""
    generator = torch.Generator().manual_seed(seed)
    spreads = {"rpn_cls": 0.03, "rpn_reg": 0.01, "fc_cls": 0.15, "fc_reg": 0.03}
    weights = {}
    for name, shape in list_shapes(classes).items():
        layer, part = name.split(".")[-2:]
        if part == "num_batches_tracked":
            weights[name] = torch.tensor(7000)
        elif part == "running_var":
            weights[name] = torch.rand(shape, generator=generator) + 0.5
        elif part == "running_mean" or part == "bias":
            weights[name] = torch.randn(shape, generator=generator) * 0.2
        elif len(shape) == 1:  # the scale of a batch norm
            weights[name] = torch.rand(shape, generator=generator) * 0.5 + 0.8
        else:
            fan_in = math.prod(shape[1:])
            spread = spreads.get(layer, math.sqrt(1 / fan_in))
            weights[name] = torch.randn(shape, generator=generator) * spread
    return weights


class Anchor(NamedTuple):
    box: tuple[float, float, float, float]
    logit: float
    deltas: tuple[float, ...]


class RoiAnswer(NamedTuple):
    probabilities: Tensor  # (K,), background left out
    boxes: Tensor  # (K, 4)


class AuthorsNetwork:
    def __init__(self, weights: dict[str, Tensor]) -> None:
        self.weights = {name: value.double() for name, value in weights.items()}

    def conv(self, x: Tensor, name: str, stride: int = 1) -> Tensor:
        weight, bias = self.weights[f"{name}.weight"], self.weights.get(f"{name}.bias")
        groups = x.shape[1] // weight.shape[1]
        return F.conv2d(x, weight, bias, stride, weight.shape[2] // 2, groups=groups)

    def norm(self, x: Tensor, name: str) -> Tensor:
        parts = ("weight", "bias", "running_mean", "running_var")
        scale, shift, mean, variance = (
            self.weights[f"{name}.{part}"][:, None, None] for part in parts
        )
        return (x - mean) / torch.sqrt(variance + 1e-5) * scale + shift

    def linear(self, x: Tensor, name: str) -> Tensor:
        return self.weights[f"{name}.weight"] @ x + self.weights[f"{name}.bias"]

    def unit(self, x: Tensor, name: str, stride: int) -> Tensor:
        if stride == 2:
            kept = self.norm(self.conv(x, f"{name}.branch_left.0", 2), f"{name}.branch_left.1")
            kept = self.norm(self.conv(kept, f"{name}.branch_left.2"), f"{name}.branch_left.3")
            kept = kept.relu()
        else:
            kept, x = x[:, 0::2], x[:, 1::2]
        x = self.norm(self.conv(x, f"{name}.branch.0"), f"{name}.branch.1").relu()
        x = self.norm(self.conv(x, f"{name}.branch.3", stride), f"{name}.branch.4")
        x = self.norm(self.conv(x, f"{name}.branch.5"), f"{name}.branch.6").relu()
        return torch.cat((kept, x), dim=1)

    def context(self, rgb: Tensor) -> Tensor:
        """F_CEM (1, 245, H, W) of an RGB image (3, S, S) with values 0 to 255."""
        mean, std = (torch.tensor(v).double()[:, None, None] for v in (RGB_MEAN, RGB_STD))
        x = self.conv(((rgb - mean) / std)[None], "backbone.first_conv.0", 2)
        x = F.max_pool2d(self.norm(x, "backbone.first_conv.1").relu(), 3, 2, 1)
        maps = []
        for stage, units in enumerate(UNITS):
            for unit in range(units):
                x = self.unit(x, f"backbone.stage.{stage}.{unit}", 2 if unit == 0 else 1)
            maps.append(x)
        c4, c5 = maps[1:]
        enlarged = self.conv(c5, "neck.C5").repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        pooled = c5.mean(dim=(2, 3), keepdim=True)
        return self.conv(c4, "neck.C4") + enlarged + self.conv(pooled, "neck.Cglb")

    def proposal_maps(self, context: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Objectness (25, H, W), deltas (100, H, W) and F_SAM (245, H, W)."""
        x = self.norm(self.conv(context, "rpn_head.rpn_conv.0"), "rpn_head.rpn_conv.1").relu()
        x = self.norm(self.conv(x, "rpn_head.rpn_conv.3"), "rpn_head.rpn_conv.4").relu()
        gate = self.norm(self.conv(x, "rpn_head.sam_convs.0"), "rpn_head.sam_convs.1").sigmoid()
        logits, deltas = self.conv(x, "rpn_head.rpn_cls"), self.conv(x, "rpn_head.rpn_reg")
        return logits[0], deltas[0], (context * gate)[0]

    def anchors(self, logits: Tensor, deltas: Tensor) -> list[Anchor]:
        """Every anchor: of a cell, each ratio with all its scales."""
        found = []
        _, height, width = logits.shape
        kinds = [(ratio, scale) for ratio in RATIOS for scale in SCALES]
        for y in range(height):
            for x in range(width):
                for kind, (ratio, scale) in enumerate(kinds):
                    half_w = CELL * scale / math.sqrt(ratio) / 2
                    half_h = CELL * scale * math.sqrt(ratio) / 2
                    cx, cy = CELL * x, CELL * y
                    box = (cx - half_w, cy - half_h, cx + half_w, cy + half_h)
                    its = tuple(deltas[4 * kind : 4 * kind + 4, y, x].tolist())
                    found.append(Anchor(box, logits[kind, y, x].item(), its))
        return found

    def answer(self, features: Tensor, roi: tuple[float, ...], size: int) -> RoiAnswer:
        """Class probabilities of one RoI, and the box that each class makes of it."""
        x = torch.tensor(pool(features, roi)).double()  # (245,)
        for layer in range(2):
            x = self.linear(x, f"roi_head.bbox_head.shared_fcs.{layer}").relu()
        probabilities = self.linear(x, "roi_head.bbox_head.fc_cls").softmax(dim=0)[:-1]
        deltas = self.linear(x, "roi_head.bbox_head.fc_reg").reshape(-1, 4)  # one row per class
        x1, y1, x2, y2 = roi
        boxes = []
        for dx, dy, dw, dh in deltas.tolist():
            cx, cy = (x1 + x2) / 2 + 0.1 * dx * (x2 - x1), (y1 + y2) / 2 + 0.1 * dy * (y2 - y1)
            w, h = (x2 - x1) * math.exp(0.2 * dw), (y2 - y1) * math.exp(0.2 * dh)
            boxes.append((cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2))
        return RoiAnswer(probabilities, torch.tensor(boxes).clamp(0, size))


def pool(features: Tensor, roi: tuple[float, ...]) -> list[float]:
    """5 x 7 x 7 values of an RoI: of each bin the largest of four samples of its own channel."""
    x1, y1, x2, y2 = (edge / CELL for edge in roi)
    bin_w, bin_h = max(x2 - x1, 0.1) / BINS, max(y2 - y1, 0.1) / BINS
    pooled = []
    for depth in range(DEPTH):
        for row in range(BINS):
            for column in range(BINS):
                channel = features[(depth * BINS + row) * BINS + column]
                samples = [
                    sample(channel, y1 + (row + part_y) * bin_h, x1 + (column + part_x) * bin_w)
                    for part_y in (0.25, 0.75)
                    for part_x in (0.25, 0.75)
                ]
                pooled.append(max(samples))
    return pooled


def sample(channel: Tensor, y: float, x: float) -> float:
    """Bilinear value at a place inside the map, or held at its border."""
    height, width = channel.shape
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = min(int(y), height - 2), min(int(x), width - 2)
    down, right = y - top, x - left
    (a, b), (c, d) = channel[top : top + 2, left : left + 2].tolist()
    upper, lower = a * (1 - right) + b * right, c * (1 - right) + d * right
    return float(upper * (1 - down) + lower * down)
