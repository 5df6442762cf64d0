"""A model file written in one step."""

import os
from pathlib import Path

import onnx

from stages.model_file import read_model_metadata


def save_model(model: onnx.ModelProto, path: Path) -> None:
    """Writes the file, or leaves what was there.

    Raises:
        ModelFileError: the line could not read its metadata; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        onnx.save(model, partial)
        read_model_metadata(partial)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
