import pytest
import torch

from models.complexity.command import (
    measure_detector,
)
from models.complexity.macs import count_macs, count_macs_by_part
from models.thundernet.config import ThunderNetConfig
from models.thundernet.roi_head import RoiHead
from models.thundernet.thundernet import ThunderNet

pytestmark = pytest.mark.torch


def test_measuring_counts_what_a_real_run_computes() -> None:
    """The count is made on shapes alone; this one on values, with one logit per anchor."""
    config = ThunderNetConfig(input_size=64, post_nms_top_n=7)
    model = ThunderNet(config).eval()
    dense = count_macs(model, torch.zeros(1, 3, 64, 64))
    head = count_macs(model.roi_head, torch.zeros(1, 7, 245))
    second_logit = 4 * 4 * 25 * 256
    found = measure_detector(config)
    assert found.mflops == pytest.approx((dense + head + second_logit) / 1e6)


def test_operations_are_counted_by_part() -> None:
    head = RoiHead(in_channels=10, hidden_channels=20, num_classes=2)
    parts = count_macs_by_part(head, torch.zeros(1, 5, 10))
    assert parts == {"hidden": 5 * 10 * 20, "classify": 5 * 20 * 3, "box": 5 * 20 * 4}
