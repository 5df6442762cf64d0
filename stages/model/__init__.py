"""The model file and what runs it; `load_detector` is for programs that have images."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stages.model.image_detector import ImageDetector

__all__ = ["load_detector"]

SHIPPED = Path(__file__).parents[2] / "models/zoo/thundernet-snet49-street11.onnx"


def load_detector(
    path: Path | str = SHIPPED, score_thresh: float | None = None, threads: int = 1
) -> "ImageDetector":
    """A detector for single images, by the steps that a line takes.

    Args:
        path: an .onnx file of models.export or models.adopt.
        score_thresh: what scores less is left out; None: as the file says.

    Raises:
        ModelFileError: the file cannot be read or run.
    """
    # Here, because the processes that only read the card of a model load no runtime.
    from stages.model.image_detector import ImageDetector

    return ImageDetector(path, score_thresh, threads)
