"""A model file of the line made from a detector of another project."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import msgspec
import numpy as np
import onnx
from onnx import helper

from models.adopt.errors import AdoptError
from models.adopt.family import Classes, Family
from models.adopt.foreign_model import CHANNELS, RUN_ERRORS, ForeignModel
from models.adopt.grafted_graph import GraftedGraph
from models.adopt.head import Head, select_best
from models.adopt.labels import Kept, Labels, check_count, keep_labels
from models.adopt.picture import PictureSpec, add_picture
from stages.model.detector import make_session_options
from stages.model.model_file import FORMAT, METADATA_KEY, ModelCard, SoftNmsDefaults
from stages.model.runtime import ort

LICENCE_KEYS = ("license", "licence")


class Settings(NamedTuple):
    """What the user may set, beside the family."""

    picture: PictureSpec
    soft_nms: SoftNmsDefaults
    score_thresh: float
    most: int  # candidates
    name: str
    licence: str | None


class Adopted(NamedTuple):
    model: onnx.ModelProto
    card: ModelCard


def adopt(
    model: ForeignModel,
    family: Family,
    labels: Labels,
    wanted: Sequence[str] | None,
    settings: Settings,
) -> Adopted:
    """The whole graph with its card.

    Raises:
        AdoptError: labels, classes or outputs do not go together.
    """
    kept = keep_labels(labels, wanted)
    count = family.classes(model, len(labels.names))
    if count is not None:
        check_count(labels, count, model)
    classes = Classes(len(labels.names), kept.numbers)
    graph = GraftedGraph(settings.name, model.model)
    width, height = model.wh
    frame = graph.input("frame", np.uint8, [height, width, CHANNELS])
    feeds = {model.image: add_picture(graph, frame, settings.picture, model)}
    if model.size_input:
        feeds[model.size_input] = graph.integers([[width, height]], "size")
    head = family.add_head(graph, graph.graft(feeds), model, classes)
    best = select_best(graph, head, settings.most, model.wh)
    graph.output("boxes", best.boxes, ["rois", 4])
    graph.output("scores", best.scores, ["rois", len(kept.names)])
    card = make_card(model, family, labels, kept, head, settings)
    try:
        built = graph.build({})
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise AdoptError(f"{model.path}: no valid graph with operators of ours: {error}") from error
    whole = fold(built)
    helper.set_model_props(whole, {METADATA_KEY: msgspec.json.encode(card).decode()})
    return Adopted(whole, card)


def make_card(
    model: ForeignModel,
    family: Family,
    labels: Labels,
    kept: Kept,
    head: Head,
    settings: Settings,
) -> ModelCard:
    adopted: dict[str, Any] = {
        "family": family.name,
        "file": model.path.name,
        "labels": labels.source if labels.source.isalnum() else Path(labels.source).name,
        "licence": find_licence(model, settings.licence),
        "picture": msgspec.to_builtins(settings.picture),
    }
    return ModelCard(
        format=FORMAT,
        name=settings.name,
        labels=kept.names,
        input_wh=model.wh,
        max_rois=min(settings.most, head.size or settings.most),
        score_thresh=settings.score_thresh,
        soft_nms=settings.soft_nms,
        fit=settings.picture.fit,
        checkpoint_sha256=model.sha256,
        recipe={"adopted": adopted},
    )


def find_licence(model: ForeignModel, stated: str | None) -> str:
    """What the user states, or what the file says of itself."""
    inside = next((model.properties[key] for key in LICENCE_KEYS if key in model.properties), None)
    return stated or inside or "not stated"


def fold(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph as the runtime simplifies it on any processor: constants computed, norms merged.

    A session would do the same at each start; the file is smaller and starts sooner.
    """
    options = make_session_options(1)
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with TemporaryDirectory() as folder:
        path = Path(folder, "folded.onnx")
        options.optimized_model_filepath = str(path)
        try:
            ort.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"],
                enable_fallback=0,
            )  # fmt: skip
        except RUN_ERRORS as error:
            raise AdoptError(f"ONNX Runtime {ort.__version__}: {error}") from error
        folded = onnx.load(path)
    used = {node.domain for node in folded.graph.node}
    opsets = [opset for opset in folded.opset_import if opset.domain in used | {""}]
    del folded.opset_import[:]
    folded.opset_import.extend(opsets)
    folded.producer_name = model.producer_name
    return folded
