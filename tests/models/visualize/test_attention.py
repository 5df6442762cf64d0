import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.visualize.attention import attention_maps, draw_attention
from models.visualize.labelled_image import (
    LabelledImage,
)
from tests.models.random_network import make_network
from tests.models.visualize.frames import plain

pytestmark = pytest.mark.torch


class OneCell(nn.Module):
    """Logits that open a single cell and close all others."""

    def forward(self, features: Tensor) -> Tensor:
        logits = torch.full((1, 245, *features.shape[2:]), -20.0)
        logits[:, :, 1, 2] = 20.0
        return logits


def test_kept_is_what_attention_lets_through() -> None:
    model = make_network(input_size=96)
    assert model.sam is not None
    model.sam.theta = OneCell()  # type: ignore[assignment]  # a stand-in with known answers
    frame = np.random.default_rng(0).integers(0, 256, (70, 50, 3), dtype=np.uint8)
    maps = attention_maps(model, frame)
    assert maps.before.shape == maps.after.shape == (6, 6)
    assert maps.kept[1, 2] == pytest.approx(1.0)
    assert np.delete(maps.kept, 1 * 6 + 2).max() < 1e-6
    assert maps.before.min() > 0


def test_a_cell_lies_over_the_pixels_it_is_centred_on() -> None:
    """Cell i is centred on pixel 16 i of the network input, here 10 pixels of a frame of 60."""
    image = LabelledImage("frame", plain(60, 60), [])
    figure = draw_attention([image], make_network(input_size=96), ("person",))
    before = figure.axes[1]
    left, right, bottom, top = before.images[0].get_extent()
    assert (left, top) == (-5, -5)
    assert (right, bottom) == (55, 55)
    assert before.get_xlim() == (0, 60)
    assert [axes.get_title().split(":")[0] for axes in figure.axes] == [
        "image",
        "before SAM",
        "after SAM",
        "kept by SAM",
        "labelled",
    ]
