"""Pictures onto the detector's grid, in BGR; `boxes.boxes_to_frame` is the way back.

A picture is warped: width and height are scaled independently (keep_ratio False), as in training.
Planes are resized first and get their colour last, at the network's size: no picture in BGR is made
of the whole frame. Chroma is resized at half the network's size, which is what a camera measured.
"""

import cv2
import numpy as np

from stages.kernels.colour import is_usual, mix
from stages.kernels.picture import Layout, Picture, PictureFormat
from stages.kernels.pixels import Pixels
from stages.kernels.resize import BILINEAR, warp_into


class Warper:
    """Makes the network's input of pictures of any size and format.

    It keeps its scratch memory: fresh pages for each frame cost more than a third of the work.

    Args:
        network_wh: size of the network's input, or of the part of it that the picture covers.
        interpolation: of OpenCV.
    """

    def __init__(self, network_wh: tuple[int, int], interpolation: int = BILINEAR) -> None:
        width, height = self._wh = network_wh
        self._interpolation = interpolation
        form = PictureFormat(Layout.I420, width, height)
        pixels = np.empty(form.nbytes, np.uint8)
        self._small = Picture(form, pixels)
        self._is_even = width % 2 == 0 and height % 2 == 0
        self._i420 = pixels[: height * 3 // 2 * width].reshape(-1, width)  # as OpenCV has it
        self._grown = [np.empty((height, width), np.uint8) for _ in range(2)]
        self._yuv = np.empty((height, width, 3), np.uint8)

    def warp(self, picture: Picture, tensor: Pixels) -> None:
        """Fill `tensor` (h, w, 3) of the network's size with the whole picture."""
        if picture.form.layout is Layout.BGR:
            warp_into(picture.bgr, tensor, self._interpolation)
            return
        for plane, small in zip(picture.planes, self._small.planes, strict=True):
            cv2.resize(plane, small.shape[::-1], dst=small, interpolation=self._interpolation)
        if self._is_even and is_usual(picture.form):  # in a third of the time
            cv2.cvtColor(self._i420, cv2.COLOR_YUV2BGR_I420, tensor)
            return
        luma, *chroma = self._small.planes
        for small, grown in zip(chroma, self._grown, strict=True):
            cv2.resize(small, self._wh, dst=grown, interpolation=BILINEAR)
        cv2.merge([luma, *self._grown], self._yuv)
        mix(self._yuv, picture.form, tensor)
