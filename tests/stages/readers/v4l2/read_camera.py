"""Reads some frames of a camera, and tells of them as JSON.

python -m tests.stages.readers.v4l2.read_camera DEVICE WISH FRAMES SILENCE_S
"""

import json
import logging.handlers
import sys
from typing import Any

import msgspec
import numpy as np

from pipeline.logger import logger
from pipeline.source import SourceError
from stages.config import V4l2Config
from stages.kernels.picture import Picture
from stages.readers.camera import CameraReader


def main(device: str, wish: str, frames: str, silence_s: str) -> None:
    told: dict[str, Any] = {"pts_ns": [], "means": [], "error": ""}
    log = logging.handlers.BufferingHandler(1000)
    logger.addHandler(log)
    reader = CameraReader(device, msgspec.json.decode(wish, type=V4l2Config), float(silence_s))
    try:
        form = reader.open(0)
        told["size"], told["pts_from"] = (form.width, form.height), reader.pts_origin.label
        picture = Picture(form, np.zeros(form.nbytes, np.uint8))
        for _ in range(int(frames)):
            told["pts_ns"].append(reader.read(picture).pts_ns)
            told["means"].append(picture.bgr.mean(axis=(0, 1)).round().tolist())
        told["losses"] = {reason.label: n for reason, n in reader.take_losses().items()}
    except SourceError as error:
        told["error"] = f"{type(error).__name__}: {error}"
    finally:
        reader.close()
    told["log"] = [[record.levelname, record.getMessage()] for record in log.buffer]
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
