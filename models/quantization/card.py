"""What a quantised model file says about itself: its source's card, and how it came about."""

from collections.abc import Sequence

import msgspec
import onnx
from onnx import helper

from stages.model_file import METADATA_KEY, ModelCard, ModelMetadata

SUFFIX = "-int8"


def label_quantized(
    model: onnx.ModelProto, source: ModelMetadata, scheme: str, parts: Sequence[str], images: int
) -> None:
    """Replaces the metadata of `model` by that of its source, under a name of its own."""
    card = {name: getattr(source, name) for name in ModelCard.__struct_fields__}
    quantization = {
        "source_sha256": source.sha256,
        "scheme": scheme,
        "parts": list(parts),
        "calibration_images": images,
    }
    card["name"] = source.name + SUFFIX
    card["recipe"] = source.recipe | {"quantization": quantization}
    helper.set_model_props(model, {METADATA_KEY: msgspec.json.encode(ModelCard(**card)).decode()})
