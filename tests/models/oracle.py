"""Slow answers in plain Python, written from the definitions: no tensor, no batch, one box a time.

Numbers that the network's code also holds are written out again here, so that a change of one of
them shows. Boxes are (x1, y1, x2, y2).
"""

import math
from collections.abc import Sequence

Box = Sequence[float]
IGNORE = -1


def area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def intersection(a: Box, b: Box) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return width * height if width > 0 and height > 0 else 0.0


def iou(a: Box, b: Box) -> float:
    inter = intersection(a, b)
    union = area(a) + area(b) - inter
    return inter / union if union > 0 else 0.0


def anchors(
    height: int, width: int, stride: int, scales: Sequence[float], ratios: Sequence[float]
) -> list[Box]:
    """Row by row, cell by cell, scale by scale, ratio by ratio; ratio is height / width."""
    found: list[Box] = []
    for row in range(height):
        for column in range(width):
            for scale in scales:
                for ratio in ratios:
                    w = math.sqrt(scale * scale / ratio)
                    h = w * ratio
                    x, y = column * stride, row * stride
                    found.append((x - w / 2, y - h / 2, x + w / 2, y + h / 2))
    return found


def encode(reference: Box, box: Box, stds: Sequence[float]) -> list[float]:
    """R-CNN's four deltas; a side under a pixel counts as one."""
    aw, ah = (max(reference[i + 2] - reference[i], 1.0) for i in (0, 1))
    gw, gh = (max(box[i + 2] - box[i], 1.0) for i in (0, 1))
    dx = ((box[0] + box[2]) / 2 - (reference[0] + reference[2]) / 2) / aw
    dy = ((box[1] + box[3]) / 2 - (reference[1] + reference[3]) / 2) / ah
    raw = (dx, dy, math.log(gw / aw), math.log(gh / ah))
    return [value / std for value, std in zip(raw, stds, strict=True)]


def decode(reference: Box, deltas: Sequence[float], stds: Sequence[float]) -> list[float]:
    """The box that the deltas make; growth is limited to 1000 / 16."""
    aw, ah = (max(reference[i + 2] - reference[i], 1.0) for i in (0, 1))
    dx, dy, dw, dh = (value * std for value, std in zip(deltas, stds, strict=True))
    x = (reference[0] + reference[2]) / 2 + dx * aw
    y = (reference[1] + reference[3]) / 2 + dy * ah
    w, h = (side * min(math.exp(min(d, 50)), 62.5) for side, d in ((aw, dw), (ah, dh)))
    return [x - w / 2, y - h / 2, x + w / 2, y + h / 2]


def clip(box: Box, size: float) -> list[float]:
    return [min(max(edge, 0.0), size) for edge in box]


def suppress(boxes: Sequence[Box], scores: Sequence[float], places: int, most: float) -> list[int]:
    """Greedy: the best box left stays, and all that overlap it by more than `most` go."""
    left = sorted(range(len(boxes)), key=lambda i: -scores[i])
    kept: list[int] = []
    while left and len(kept) < places:
        best = left.pop(0)
        kept.append(best)
        left = [i for i in left if iou(boxes[i], boxes[best]) <= most]
    return kept


def propose(
    scores: Sequence[float],
    deltas: Sequence[Sequence[float]],
    references: Sequence[Box],
    *,
    size: int,
    pre_nms: int,
    post_nms: int,
    most: float,
) -> list[list[float]]:
    """Sec. 3.2: the best anchors, decoded, clipped, suppressed; those under a pixel left out."""
    best = sorted(range(len(scores)), key=lambda i: -scores[i])[:pre_nms]
    boxes = [clip(decode(references[i], deltas[i], (1, 1, 1, 1)), size) for i in best]
    kept = suppress(boxes, [scores[i] for i in best], post_nms, most)
    return [
        boxes[i] for i in kept if boxes[i][2] - boxes[i][0] >= 1 and boxes[i][3] - boxes[i][1] >= 1
    ]


def interpolate(plane: Sequence[Sequence[float]], y: float, x: float) -> float:
    """Bilinear between the four cells around; 0 further than one cell outside the map."""
    height, width = len(plane), len(plane[0])
    if y < -1 or y > height or x < -1 or x > width:
        return 0.0
    y, x = min(max(y, 0.0), height - 1.0), min(max(x, 0.0), width - 1.0)
    above, left = math.floor(y), math.floor(x)
    value = 0.0
    for row in (above, above + 1):
        for column in (left, left + 1):
            weight = (1 - abs(y - row)) * (1 - abs(x - column))
            if weight > 0:
                value += weight * plane[row][column]
    return value


def psroi_align(
    planes: Sequence[Sequence[Sequence[float]]], roi: Box, stride: int, bins: int, mean: bool
) -> list[float]:
    """Bin (i, j) of the RoI from its own planes, 2 x 2 samples, no half-cell offset."""
    depth = len(planes) // bins**2
    x1, y1, x2, y2 = (edge / stride for edge in roi)
    bin_w, bin_h = max(x2 - x1, 0.1) / bins, max(y2 - y1, 0.1) / bins
    pooled = []
    for i in range(bins):
        for j in range(bins):
            for d in range(depth):
                plane = planes[(i * bins + j) * depth + d]
                samples = [
                    interpolate(plane, y1 + (i + sy) * bin_h, x1 + (j + sx) * bin_w)
                    for sy in (0.25, 0.75)
                    for sx in (0.25, 0.75)
                ]
                pooled.append(sum(samples) / 4 if mean else max(samples))
    return pooled


def binary_cross_entropy(logit: float, is_true: bool) -> float:
    probability = 1 / (1 + math.exp(-logit))
    return -math.log(probability if is_true else 1 - probability)


def cross_entropy(logits: Sequence[float], chosen: int, allowed: Sequence[bool]) -> float:
    """Of a softmax over the allowed classes alone."""
    total = sum(math.exp(v) for v, may in zip(logits, allowed, strict=True) if may)
    return math.log(total) - logits[chosen]


def focal(logit: float, is_true: bool) -> float:
    """RetinaNet, gamma 2 and alpha 0.25."""
    probability = 1 / (1 + math.exp(-logit))
    right = probability if is_true else 1 - probability
    return -(0.25 if is_true else 0.75) * (1 - right) ** 2 * math.log(right)
