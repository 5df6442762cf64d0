"""Pictures onto the detector's grid, in BGR; `boxes.boxes_to_frame` is the way back.

A picture is warped: width and height are scaled independently (keep_ratio False), as in training.
Planes are resized first and get their colour last, at the network's size: no picture in BGR is made
of the whole frame. Chroma is resized at half the network's size, which is what a camera measured.
"""

import cv2
import numpy as np

from stages.kernels.colour import mix
from stages.kernels.picture import Layout, Picture
from stages.kernels.pixels import Pixels
from stages.kernels.resize import warp_into


class Warper:
    """Makes the network's input of pictures of any size and format.

    It keeps its scratch memory: fresh pages for each frame cost more than a third of the work.

    Args:
        network_wh: size of the network's input.
    """

    def __init__(self, network_wh: tuple[int, int]) -> None:
        width, height = self._wh = network_wh
        self._half_wh = (width + 1) // 2, (height + 1) // 2
        self._planes = [np.empty((height, width), np.uint8) for _ in range(3)]
        self._half = np.empty(self._half_wh[::-1], np.uint8)
        self._yuv = np.empty((height, width, 3), np.uint8)

    def warp(self, picture: Picture, tensor: Pixels) -> None:
        """Fill `tensor` (h, w, 3) of the network's size with the whole picture, bilinear."""
        if picture.form.layout is Layout.BGR:
            warp_into(picture.bgr, tensor)
            return
        luma, *chroma = picture.planes
        cv2.resize(luma, self._wh, dst=self._planes[0])
        for plane, grown in zip(chroma, self._planes[1:], strict=True):
            cv2.resize(plane, self._half_wh, dst=self._half)
            cv2.resize(self._half, self._wh, dst=grown)
        cv2.merge(self._planes, self._yuv)
        mix(self._yuv, picture.form, tensor)
