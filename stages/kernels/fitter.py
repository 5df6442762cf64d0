"""Frames brought to the network's size, as the model file says.

`boxes.boxes_from_place` is the way back.
"""

from functools import lru_cache

import cv2

from stages.kernels.fit import Fit, Place, Wh
from stages.kernels.picture import Picture
from stages.kernels.pixels import Pixels
from stages.kernels.resize import BILINEAR, warp_into
from stages.kernels.warp import Warper

INTERPOLATIONS = {
    "linear": BILINEAR,
    "area": cv2.INTER_AREA,
    "cubic": cv2.INTER_CUBIC,
    "nearest": cv2.INTER_NEAREST,
}
# Cameras of a line have few sizes; the images of a folder may have one each.
WARPERS_KEPT = 16


def part_of(tensor: Pixels, place: Place) -> Pixels:
    """The part of a tensor (H, W, 3) that the frame covers."""
    return tensor[place.y : place.y + place.height, place.x : place.x + place.width]


def fill_beside(tensor: Pixels, place: Place, colour: tuple[int, int, int]) -> None:
    """Paint whatever of a tensor (H, W, 3) the frame does not cover."""
    bottom, right = place.y + place.height, place.x + place.width
    for part in (tensor[: place.y], tensor[bottom:], tensor[:, : place.x], tensor[:, right:]):
        if part.size:
            part[:] = colour


def fit_into(frame: Pixels, tensor: Pixels, fit: Fit) -> None:
    """Fills `tensor` (H, W, 3) with the whole of a BGR frame of square pixels, and padding."""
    network_wh = (tensor.shape[1], tensor.shape[0])
    place = fit.place(network_wh, (frame.shape[1], frame.shape[0]))
    if fit.letterbox is not None:
        fill_beside(tensor, place, fit.letterbox.pad)
    warp_into(frame, part_of(tensor, place), INTERPOLATIONS[fit.resize])


class Fitter:
    """Makes the network's input of pictures of any size and format."""

    def __init__(self, network_wh: Wh, fit: Fit) -> None:
        self._network_wh, self._fit = network_wh, fit
        self._warper = lru_cache(WARPERS_KEPT)(lambda wh: Warper(wh, INTERPOLATIONS[fit.resize]))

    def fit(self, picture: Picture, tensor: Pixels) -> Place:
        """Fill `tensor` (H, W, 3); returns which part of it the picture covers."""
        place = self._fit.place(self._network_wh, picture.form.display_wh)
        if self._fit.letterbox is not None:
            fill_beside(tensor, place, self._fit.letterbox.pad)
        self._warper((place.width, place.height)).warp(picture, part_of(tensor, place))
        return place
