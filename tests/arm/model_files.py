"""What model files find in the same frames, on the processor that runs this.

python -m tests.arm.model_files FRAMES.npz FOUND.json MODEL...
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import cv2
import msgspec
import numpy as np

from stages.kernels.pixels import Pixels
from stages.model.detector import Detector
from stages.model.frame_detector import FrameDetector, make_soft_nms
from stages.scene.street import Street, parse_scene_uri
from tests.arm.difference import Frame

SCORE_THRESH = 0.15  # that of the demo: scores of what is drawn are low
SCENE = "scene://street?seed=7&width=640&height=360"
_SCENE_FRAMES = range(0, 240, 40)


def draw_frames() -> list[Pixels]:
    """Some of the drawn street, (360, 640, 3) each."""
    street = Street(parse_scene_uri(SCENE))
    frames = [np.empty((360, 640, 3), np.uint8) for _ in _SCENE_FRAMES]
    for number, frame in zip(_SCENE_FRAMES, frames, strict=True):
        street.draw(number, frame)
    return frames


def write_frames(folder: Path) -> int:
    """The same as images without loss, since drawing is not the same to the bit on ARM.

    Returns how many there are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    frames = draw_frames()
    for number, frame in enumerate(frames):
        cv2.imwrite(str(folder / f"{number:03}.png"), frame)
    return len(frames)


def read_images(paths: Iterable[Path]) -> list[Pixels]:
    """Photographs. Raises ValueError: one of them cannot be read."""
    frames = []
    for path in paths:
        frame = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if frame is None:
            raise ValueError(f"{path}: expected an image")
        frames.append(np.asarray(frame, np.uint8))
    return frames


def keep_frames(frames: Sequence[Pixels], path: Path) -> None:
    np.savez(path, *frames)


def find(model: Path, frames: Iterable[Pixels]) -> list[Frame]:
    """Detections of each frame, as messages have them."""
    detector = Detector(model)
    labels = detector.metadata.labels
    detect = FrameDetector(detector, make_soft_nms(detector.metadata, SCORE_THRESH)).detect
    return [
        [{"label": labels[class_id], "score": score, "box": box}
         for box, score, class_id, _ in detect(frame).iterate()]
        for frame in frames
    ]  # fmt: skip


def read_found(path: Path) -> Mapping[str, list[Frame]]:
    """By the name of the model file."""
    found: dict[str, list[Frame]] = msgspec.json.decode(path.read_bytes())
    return found


def main() -> None:
    kept, out, *models = map(Path, sys.argv[1:])
    with np.load(kept) as archive:
        frames = [archive[f"arr_{number}"] for number in range(len(archive))]
    found = {model.name: find(model, frames) for model in models}
    out.write_bytes(msgspec.json.encode(found))


if __name__ == "__main__":
    main()
