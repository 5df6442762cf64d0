"""Context enhancement: how C5 is laid over C4, also where C4 has an odd number of cells."""

from typing import Any

import pytest
import torch

from models.thundernet.backbones.plan import MobileNetV2Plan, ShuffleNetV1Plan
from models.thundernet.cem import enlarge_twice
from models.thundernet.config import ThunderNetConfig
from models.thundernet.thundernet import ThunderNet

pytestmark = pytest.mark.torch


@pytest.mark.parametrize(("c4_cells", "c5_cells"), [(4, 2), (15, 8)])  # 64 and 240 pixels
def test_a_cell_of_c5_lies_over_the_cells_of_c4_at_its_centre(c4_cells: int, c5_cells: int) -> None:
    pixels = torch.arange(float(c5_cells)) * 32  # where each cell of C5 has its centre
    c5 = (pixels[:, None] * 1000 + pixels).view(1, 1, c5_cells, c5_cells)
    enlarged = enlarge_twice(c5, torch.zeros(1, 1, c4_cells, c4_cells))[0, 0]
    below = torch.arange(c4_cells) // 2 * 32.0
    assert torch.equal(enlarged, below[:, None] * 1000 + below)


@pytest.mark.parametrize(
    "changes",
    [
        {"backbone": "snet49"},
        {"backbone": "snet49", "balanced_downsampling": False},
        {"backbone": ShuffleNetV1Plan()},
        {"backbone": MobileNetV2Plan()},
        {"context_levels": ("c5",)},
        {"context_enhancement": False, "spatial_attention": False},
    ],
    ids=str,
)
def test_networks_run_where_c4_has_an_odd_number_of_cells(changes: dict[str, Any]) -> None:
    model = ThunderNet(ThunderNetConfig(**changes)).eval()
    dense = model(torch.zeros(1, 3, 80, 80))
    assert dense.features.shape == (1, 245, 5, 5)
    assert dense.objectness_logits.shape == (1, len(model.anchors(80)))
    pooled = model.classify(dense.features, torch.tensor([[[0.0, 0.0, 80.0, 80.0]]]))
    assert pooled.class_logits.isfinite().all()
