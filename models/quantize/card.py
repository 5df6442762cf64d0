"""The metadata of a quantised model file: its source's card, and how it was made."""

from collections.abc import Sequence

import onnx

from models.export.onnx_file import PUBLISHED, set_card
from stages.model.model_file import ModelMetadata

SUFFIX = "-int8"


def label_quantized(
    model: onnx.ModelProto, source: ModelMetadata, scheme: str, parts: Sequence[str], images: int
) -> None:
    """Replaces the metadata of `model` by that of its source, under a name of its own."""
    recipe = {key: value for key, value in source.recipe.items() if key != PUBLISHED}
    recipe["quantization"] = {
        "source_sha256": source.sha256,
        "scheme": scheme,
        "parts": list(parts),
        "calibration_images": images,
    }
    set_card(model, source, name=source.name + SUFFIX, recipe=recipe)
