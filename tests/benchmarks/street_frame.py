"""The frame that single-frame benchmarks look at."""

import numpy as np

from stages.scene.street import Street, parse_scene_uri


def draw_frame(width: int, height: int) -> np.ndarray:
    """A moment of the drawn street."""
    frame = np.empty((height, width, 3), np.uint8)
    Street(parse_scene_uri(f"scene://street?seed=7&width={width}&height={height}")).draw(50, frame)
    return frame
