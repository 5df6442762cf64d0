"""A model file written in one step, and the card in it."""

import os
from pathlib import Path
from typing import Any

import msgspec
import onnx
from onnx import helper

from stages.model.model_file import METADATA_KEY, ModelCard, ModelMetadata, read_model_metadata

PUBLISHED = "published"  # in a card's recipe: what `models.publish` wrote of that file alone


def set_card(model: onnx.ModelProto, source: ModelMetadata, **changes: Any) -> None:
    """Gives `model` the card of another file, with some of its fields changed."""
    card = {name: getattr(source, name) for name in ModelCard.__struct_fields__} | changes
    helper.set_model_props(model, {METADATA_KEY: msgspec.json.encode(ModelCard(**card)).decode()})


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
