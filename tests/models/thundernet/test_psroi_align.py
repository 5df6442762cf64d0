"""PSRoIAlign against a loop that follows the definition, sample by sample."""

import math
from typing import Literal

import pytest
import torch
from torch import Tensor

from models.thundernet.psroi_align import MIN_SIZE, SAMPLES, psroi_align

pytestmark = pytest.mark.torch

BINS, DEPTH, CELLS, STRIDE = 3, 2, 6, 16


def bilinear(plane: Tensor, y: float, x: float) -> Tensor:
    height, width = plane.shape
    if not (-1 <= y <= height and -1 <= x <= width):
        return plane.new_zeros(())
    y, x = min(max(y, 0.0), height - 1), min(max(x, 0.0), width - 1)
    y0, x0 = min(math.floor(y), height - 2), min(math.floor(x), width - 2)
    dy, dx = y - y0, x - x0
    top = plane[y0, x0] * (1 - dx) + plane[y0, x0 + 1] * dx
    bottom = plane[y0 + 1, x0] * (1 - dx) + plane[y0 + 1, x0 + 1] * dx
    return top * (1 - dy) + bottom * dy


def reference(features: Tensor, roi: list[float], reduction: str) -> Tensor:
    """One RoI of one image, (C, H, W) -> (BINS * BINS * DEPTH)."""
    x1, y1, x2, y2 = (edge / STRIDE for edge in roi)
    height, width = max(y2 - y1, MIN_SIZE) / BINS, max(x2 - x1, MIN_SIZE) / BINS
    pooled = []
    for i in range(BINS):
        for j in range(BINS):
            for d in range(DEPTH):
                plane = features[(i * BINS + j) * DEPTH + d]
                samples = torch.stack(
                    [
                        bilinear(
                            plane,
                            y1 + (i + (sy + 0.5) / SAMPLES) * height,
                            x1 + (j + (sx + 0.5) / SAMPLES) * width,
                        )
                        for sy in range(SAMPLES)
                        for sx in range(SAMPLES)
                    ]
                )
                pooled.append(samples.mean() if reduction == "mean" else samples.max())
    return torch.stack(pooled)


ROIS = [
    [10.0, 5.0, 70.0, 90.0],
    [0.0, 0.0, 96.0, 96.0],  # the whole map and beyond its last cell
    [33.0, 33.0, 33.0, 33.0],  # no area
    [80.0, 70.0, 130.0, 140.0],  # leaves the map
    [-40.0, -30.0, 20.0, 12.0],  # starts before it
]


def make_features(images: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    shape = (images, BINS * BINS * DEPTH, CELLS, CELLS)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("reduction", ["mean", "max"])
def test_pooled_values_follow_the_definition(reduction: Literal["mean", "max"]) -> None:
    features = make_features()
    rois = torch.tensor([ROIS, ROIS[::-1]], dtype=torch.float64)
    pooled = psroi_align(features, rois, 1 / STRIDE, BINS, reduction)
    for image in range(2):
        for row, roi in enumerate(rois[image].tolist()):
            expected = reference(features[image], roi, reduction)
            torch.testing.assert_close(pooled[image, row], expected, atol=1e-5, rtol=0)


def test_gradient_matches_the_reference() -> None:
    ours, theirs = make_features(1).requires_grad_(), make_features(1).requires_grad_()
    weight = torch.randn(len(ROIS), BINS * BINS * DEPTH, dtype=torch.float64)
    rois = torch.tensor([ROIS], dtype=torch.float64)
    (psroi_align(ours, rois, 1 / STRIDE, BINS)[0] * weight).sum().backward()
    expected = torch.stack([reference(theirs[0], roi, "mean") for roi in ROIS])
    (expected * weight).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-9, rtol=0)


def test_gradient_matches_finite_differences() -> None:
    rois = torch.tensor([ROIS[:2]], dtype=torch.float64)
    features = make_features(1).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda value: psroi_align(value, rois, 1 / STRIDE, BINS), features
    )


def test_float32_stays_within_rounding_of_float64() -> None:
    features = make_features()
    rois = torch.tensor([ROIS, ROIS], dtype=torch.float64)
    exact = psroi_align(features, rois, 1 / STRIDE, BINS)
    single = psroi_align(features.float(), rois.float(), 1 / STRIDE, BINS)
    torch.testing.assert_close(single.double(), exact, atol=1e-5, rtol=0)


def test_each_bin_reads_its_own_channels() -> None:
    features = torch.zeros(1, BINS * BINS * DEPTH, CELLS, CELLS)
    features[0, 4 * DEPTH + 1] = 7.0  # middle bin, second channel
    pooled = psroi_align(features, torch.tensor([[[8.0, 8.0, 60.0, 60.0]]]), 1 / STRIDE, BINS)
    assert pooled[0, 0, 4 * DEPTH + 1] == pytest.approx(7.0)
    assert pooled.count_nonzero() == 1
