import pytest
import torch
from torch import Tensor

from models.thundernet.native import psroi_align as native_psroi_align
from models.thundernet.native.library import library
from models.thundernet.psroi_align import psroi_align

pytestmark = pytest.mark.torch


def test_rois_are_pooled_as_by_products_of_matrices() -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(2, 245, 10, 12, generator=generator)
    features = features.contiguous(memory_format=torch.channels_last).requires_grad_()
    corner = torch.rand(2, 50, 2, generator=generator) * 200 - 30
    rois = torch.cat((corner, corner + torch.rand(2, 50, 2, generator=generator) ** 2 * 250), 2)
    weight = torch.randn(2, 50, 245, generator=generator)

    def run() -> tuple[Tensor, Tensor]:
        features.grad = None
        pooled = psroi_align(features, rois, 1 / 16)
        (pooled * weight).sum().backward()
        assert features.grad is not None
        return pooled.detach(), features.grad.clone()

    assert native_psroi_align.serves(features, rois, 7)
    pooled, gradient = run()
    with library.disabled():
        expected_pooled, expected_gradient = run()
    torch.testing.assert_close(pooled, expected_pooled, atol=2e-5, rtol=0)
    torch.testing.assert_close(gradient, expected_gradient, atol=2e-5, rtol=0)
