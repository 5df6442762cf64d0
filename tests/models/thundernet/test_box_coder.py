import pytest
import torch

from models.thundernet.box_coder import (
    ROI_STDS,
    RPN_STDS,
    clip_to_image,
    decode,
    encode,
)

pytestmark = pytest.mark.torch


def random_boxes(count: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(count, 2, generator=generator) * 200
    side = 2 + torch.rand(count, 2, generator=generator) * 100
    return torch.cat((corner, corner + side), dim=1)


@pytest.mark.parametrize("stds", [RPN_STDS, ROI_STDS])
def test_decode_inverts_encode(stds: tuple[float, ...]) -> None:
    reference, boxes = random_boxes(50, 1), random_boxes(50, 2)
    decoded = decode(reference, encode(reference, boxes, stds), stds)
    torch.testing.assert_close(decoded, boxes, atol=1e-3, rtol=0)


def test_zero_deltas_keep_the_reference() -> None:
    reference = random_boxes(5, 3)
    torch.testing.assert_close(decode(reference, torch.zeros(5, 4), ROI_STDS), reference)


def test_deltas_have_the_published_form() -> None:
    reference = torch.tensor([[0.0, 0.0, 10.0, 20.0]])
    moved = torch.tensor([[5.0, 10.0, 25.0, 30.0]])
    expected = torch.tensor([[1.0, 0.5, torch.log(torch.tensor(2.0)), 0.0]])
    torch.testing.assert_close(encode(reference, moved, RPN_STDS), expected)


def test_huge_size_deltas_stay_finite() -> None:
    decoded = decode(random_boxes(1, 4), torch.full((1, 4), 1e6), RPN_STDS)
    assert decoded.isfinite().all()


def test_padding_without_area_encodes_to_finite_deltas() -> None:
    assert encode(random_boxes(3, 5), torch.zeros(3, 4), ROI_STDS).isfinite().all()


def test_clipping_stops_at_the_border() -> None:
    boxes = torch.tensor([[-5.0, 10.0, 400.0, 330.0]])
    assert clip_to_image(boxes, 320).tolist() == [[0.0, 10.0, 320.0, 320.0]]
