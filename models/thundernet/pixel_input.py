"""Networks that take BGR images as they are, and normalise them by buffers of their own."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.thundernet.native import image_windows


class PixelNetwork(nn.Module):
    """Keeps mean and standard deviation of each colour beside the weights, in every checkpoint."""

    pixel_mean: Tensor  # (1, 3, 1, 1) BGR
    pixel_std: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("pixel_mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("pixel_std", torch.tensor(std).view(1, 3, 1, 1))

    def normalize(self, images: Tensor) -> Tensor:
        """Network input of BGR images with values 0 to 255, (N, 3, S, S) either way."""
        if image_windows.serves_colours(images) and not images.requires_grad:
            return image_windows.normalise_colours(images, self.pixel_mean, self.pixel_std)
        return (images - self.pixel_mean).div_(self.pixel_std)
