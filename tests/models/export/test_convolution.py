import pytest
import torch
from torch import nn

from models.export.convolution import fold

pytestmark = pytest.mark.torch


def test_folded_convolution_equals_convolution_and_norm() -> None:
    generator = torch.Generator().manual_seed(1)
    conv, norm = nn.Conv2d(6, 4, 3, bias=True), nn.BatchNorm2d(4).eval()
    assert norm.running_mean is not None
    assert norm.running_var is not None
    for values in (norm.weight, norm.bias, norm.running_mean):
        values.data.normal_(0, 1, generator=generator)
    norm.running_var.uniform_(0.2, 3, generator=generator)
    image = torch.rand(1, 6, 9, 9, generator=generator)
    folded = fold(conv, norm)
    weight, bias = torch.from_numpy(folded.weight), torch.from_numpy(folded.bias)
    torch.testing.assert_close(nn.functional.conv2d(image, weight, bias), norm(conv(image)))
