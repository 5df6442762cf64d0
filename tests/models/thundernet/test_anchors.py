import pytest
import torch

from models.thundernet.anchors import cell_anchors, make_anchors

pytestmark = pytest.mark.torch


def test_area_and_ratio_are_as_asked() -> None:
    anchors = cell_anchors((32.0, 64.0), (0.5, 2.0)).reshape(2, 2, 4)
    width, height = anchors[..., 2] - anchors[..., 0], anchors[..., 3] - anchors[..., 1]
    torch.testing.assert_close(width * height, torch.tensor([[1024.0] * 2, [4096.0] * 2]))
    torch.testing.assert_close(height / width, torch.tensor([[0.5, 2.0]] * 2))


def test_order_is_row_then_column_then_shape() -> None:
    scales, ratios = (16.0, 32.0), (1.0,)
    anchors = make_anchors(3, 4, 16, scales, ratios)
    assert anchors.shape == (3 * 4 * 2, 4)
    second_row_third_column_large = anchors[(1 * 4 + 2) * 2 + 1]
    expected = torch.tensor([32.0 - 16, 16.0 - 16, 32.0 + 16, 16.0 + 16])
    torch.testing.assert_close(second_row_third_column_large, expected)
