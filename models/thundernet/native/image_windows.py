"""Windows of images and their colours, cut and changed in place of a dozen passes."""

import ctypes

import torch
from torch import Tensor

from models.thundernet.native.library import library, pointer


def serves(images: Tensor, fill: Tensor) -> bool:
    """Whether the kernels can cut windows out of `images`, (N, 3, H, W)."""
    return (
        images.device.type == "cpu"
        and images.dtype == torch.uint8
        and images.is_contiguous()
        and library.serves(fill)
    )


def cut(images: Tensor, windows: Tensor, mirrored: Tensor, size: int, fill: Tensor) -> Tensor:
    """The windows (N, 4) xyxy in parts of each image: (N, 3, S, S) float, channels last.

    Args:
        mirrored: (N,) bool.
        fill: three values, what lies outside of an image.
    """
    count, colours, height, width = images.shape
    pixels = torch.empty(count, size, size, colours)
    failed = library.kernels().cut_windows(
        *map(pointer, (images, windows.contiguous(), mirrored.contiguous(), fill.contiguous())),
        pointer(pixels),
        count,
        height,
        width,
        size,
        torch.get_num_threads(),
    )
    if failed:
        raise MemoryError(f"windows of {size} pixels: no memory for a row of {width}")
    return pixels.permute(0, 3, 1, 2)


def serves_colours(images: Tensor) -> bool:
    """Whether the kernels can change the colours of `images`, (N, 3, S, S)."""
    last = images.is_contiguous(memory_format=torch.channels_last)
    return images.shape[1] == 3 and last and library.serves(images)


def colour_means(images: Tensor) -> Tensor:
    """(N, 3) of the pixels of each image."""
    means = images.new_empty(images.shape[:2])
    library.kernels().colour_means(
        *map(pointer, (images, means)),
        len(images),
        ctypes.c_long(images[0, 0].numel()),
        torch.get_num_threads(),
    )
    return means


def change_colours(images: Tensor, matrix: Tensor, offset: Tensor) -> Tensor:
    """matrix (N, 3, 3) times each pixel plus offset (N, 3, 1), held in 0 to 255; in place."""
    library.kernels().change_colours(
        *map(pointer, (images, matrix.contiguous(), offset.contiguous())),
        len(images),
        ctypes.c_long(images[0, 0].numel()),
        torch.get_num_threads(),
    )
    return images


def normalise_colours(images: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    """(images - mean) / deviation, of three colours each; a new map, channels last."""
    normalised = torch.empty_like(images)
    library.kernels().normalise_colours(
        *map(pointer, (images, mean, deviation)),
        ctypes.c_long(images.numel() // images.shape[1]),
        pointer(normalised),
        torch.get_num_threads(),
    )
    return normalised
