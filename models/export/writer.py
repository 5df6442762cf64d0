"""A checkpoint written as a model file, after its graph has proved itself."""

from pathlib import Path
from typing import Any

import msgspec

from models.export.channels import DEFAULT_BLOCK
from models.export.onnx_file import save_model
from models.export.parity import Parity, check_parity, make_probes, measure_parity
from models.export.roi_head import max_rows
from models.export.thundernet import make_graph
from models.thundernet.backbones.plan import name_backbone
from models.thundernet.input_shape import InputShape
from models.thundernet.thundernet import ThunderNet
from stages.kernels.fit import WARPED, Fit, Letterbox
from stages.model.model_file import (
    FORMAT,
    METADATA_KEY,
    ModelCard,
    SoftNmsDefaults,
)


def make_fit(model: ThunderNet, stretch: float | None) -> Fit:
    """Frames warped, or stretched by `stretch` at most and padded as windows are in training."""
    if stretch is None:
        return WARPED
    blue, green, red = (round(value) for value in model.pixel_mean.flatten().tolist())
    return Fit(letterbox=Letterbox(align="centre", pad=(blue, green, red), stretch=stretch))


def make_card(
    model: ThunderNet,
    meta: dict[str, Any],
    soft_nms: SoftNmsDefaults,
    score_thresh: float,
    name: str | None = None,
    fit: Fit = WARPED,
    shape: InputShape | None = None,
) -> ModelCard:
    """The metadata of the model file; `meta` is that of `load_checkpoint`.

    Args:
        shape: of the input; the square of `config.input_size` if there is none.
    """
    config = model.config
    return ModelCard(
        format=FORMAT,
        name=name or f"thundernet-{name_backbone(config.backbone)}",
        labels=config.labels,
        input_wh=(shape or InputShape.square(config.input_size)).wh,
        max_rois=max_rows(config),
        score_thresh=score_thresh,
        soft_nms=soft_nms,
        fit=fit,
        checkpoint_sha256=meta["sha256"],
        recipe=without_places({key: value for key, value in meta.items() if key != "sha256"}),
    )


def without_places(recipe: Any) -> Any:
    """The recipe less its absolute paths: where data lay on the machine that trained."""
    if not isinstance(recipe, dict):
        return recipe
    return {key: without_places(value) for key, value in recipe.items() if not _is_place(value)}


def _is_place(value: Any) -> bool:
    return isinstance(value, str) and Path(value).is_absolute()


def export(
    model: ThunderNet,
    card: ModelCard,
    path: Path,
    objectness_cut: float | None = None,
    block: int = DEFAULT_BLOCK,
) -> Parity:
    """Writes the model file in one step, and returns how close it is to the network.

    Its input is as the card says. Compared before the cut, which only shortens the list of RoIs.

    Raises:
        ParityError: the graph computes something else; nothing is written.
        ModelFileError: the card would not be readable; nothing is left behind.
    """
    width, height = card.input_wh
    shape = InputShape(height, width)
    parity = measure_parity(model, make_probes(shape), block)
    check_parity(parity)
    metadata = {METADATA_KEY: msgspec.json.encode(card).decode()}
    graph = make_graph(model, metadata, objectness_cut=objectness_cut, block=block, shape=shape)
    save_model(graph, path)
    return parity
