"""Pictures for people who look at them elsewhere."""

import cv2

from stages.kernels.pixels import Pixels

QUALITY = 80  # of 100; a street of 640x480 takes 60 kB


def encode_jpeg(image: Pixels) -> bytes:
    """A JPEG file of an image (H, W, 3) in BGR."""
    done, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise ValueError(f"expected an image that JPEG can hold, got {image.shape}")
    return encoded.tobytes()
