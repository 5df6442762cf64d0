"""Photographs made such as cameras show at night: by infrared light, or in little light."""

from typing import Literal, get_args

import cv2
import numpy as np

from models.data.image_files import BgrImage

Light = Literal["infrared", "low"]
LIGHTS: tuple[Light, ...] = get_args(Light)
GAIN = 0.3  # of a picture in little light
GRAIN = 5.0  # standard deviation of its brightness, grey levels


def relight(frame: BgrImage, light: Light, seed: int) -> BgrImage:
    """The frame in another light; `seed` decides its grain.

    By infrared light there are no colours, only luma (ITU-R BT.601). In little light the picture is
    dim, and has grain of a normal distribution that is alike in all channels.
    """
    if light == "infrared":
        luma = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
        return np.repeat(luma[..., None], 3, axis=2)
    grain = np.random.default_rng(seed).normal(0, GRAIN, (*frame.shape[:2], 1))
    return (frame * GAIN + grain).round().clip(0, 255).astype(np.uint8)
