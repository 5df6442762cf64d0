"""Pictures of the zones and lines of each source, for somebody to look at."""

import os
from collections.abc import Sequence
from pathlib import Path

import cv2

from pipeline.errors import LineError
from stages.kernels.pixels import Pixels
from stages.recording.outputs import CAMERA, Output, video_path

KEY = "--draw-zones"
SUFFIXES = (".png", ".jpg", ".jpeg")


def find_sketches(template: str, cameras: Sequence[str]) -> tuple[Output, ...]:
    """The file of each camera.

    Raises:
        LineError: the name does not say which kind of image, or is the same for several cameras.
    """
    if Path(template).suffix.lower() not in SUFFIXES:  # none of a file that is called `.png`
        endings = " or ".join(SUFFIXES)
        raise LineError(f"{KEY}: expected a name that ends in {endings}, got '{template}'")
    if len(cameras) > 1 and CAMERA not in template:
        raise LineError(
            f"{KEY}: expected {CAMERA} in the path, for {len(cameras)} sources, got '{template}'"
        )
    template = os.path.expanduser(template)
    return tuple(Output(KEY, video_path(template, camera)) for camera in cameras)


def write_sketch(path: Path, canvas: Pixels) -> None:
    """Write a picture (H, W, 3) in BGR as the kind of file that the name says; makes its folder.

    Raises:
        LineError: it cannot be written.
    """
    try:
        is_made, image = cv2.imencode(path.suffix.lower(), canvas)
    except cv2.error:
        is_made = False
    if not is_made:
        height, width = canvas.shape[:2]
        raise LineError(f"{KEY}: cannot write {path}: {width}x{height} is too large")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image.tobytes())
    except OSError as error:
        raise LineError(f"{KEY}: cannot write {path}: {error.strerror}") from None
