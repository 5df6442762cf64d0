"""The model file and what runs it; `load_detector` is for programs that have images."""

from pathlib import Path
from typing import TYPE_CHECKING

from stages.model.zoo import DEFAULT, find_model

if TYPE_CHECKING:
    from stages.model.image_detector import ImageDetector

__all__ = ["load_detector"]


def load_detector(
    model: Path | str = DEFAULT, score_thresh: float | None = None, threads: int = 1
) -> "ImageDetector":
    """A detector for single images, by the steps that a line takes.

    Args:
        model: an .onnx file of models.export or models.adopt, or the name of a shipped one.
        score_thresh: what scores less is left out; None: as the file says.

    Raises:
        ModelFileError: the file cannot be read or run.
    """
    # Here, because the processes that only read the card of a model load no runtime.
    from stages.model.image_detector import ImageDetector

    return ImageDetector(find_model(model), score_thresh, threads)
