"""From the line's frame to what a model was trained with: colours, scale, order of axes."""

from typing import Annotated, Literal

import msgspec
import numpy as np
from onnx import TensorProto

from models.adopt.foreign_model import CHANNELS, ForeignModel
from models.adopt.grafted_graph import GraftedGraph
from stages.kernels.fit import Fit, Letterbox

Positive = Annotated[float, msgspec.Meta(gt=0.0)]
Colour = tuple[float, float, float]

GREY = (114, 114, 114)
ULTRALYTICS_FIT = Fit(letterbox=Letterbox(align="centre", pad=GREY))


class PictureSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model expects in its input; mean and std in its own order of colours, of 0..255."""

    colour: Literal["bgr", "rgb"] = "rgb"
    mean: Colour = (0.0, 0.0, 0.0)
    std: tuple[Positive, Positive, Positive] = (255.0, 255.0, 255.0)
    fit: Fit = Fit()


def add_picture(graph: GraftedGraph, frame: str, spec: PictureSpec, model: ForeignModel) -> str:
    """The frame (H, W, 3), uint8 in BGR, as the model's input of one image."""
    with graph.scope("picture"):
        colours = 2
        image = frame
        if not model.channels_last:
            image = graph.add("Transpose", image, perm=[2, 0, 1])
            colours = 0
        if spec.colour == "rgb":
            image = graph.take(image, [2, 1, 0], axis=colours)
        if model.dtype == np.float32:
            image = graph.add("Cast", image, to=TensorProto.FLOAT)
            image = add_scale(graph, image, spec, colours)
        return graph.add("Unsqueeze", image, graph.axes(0))


def add_scale(graph: GraftedGraph, image: str, spec: PictureSpec, colours: int) -> str:
    """(x - mean) / std of each colour, without the operators that would change nothing."""
    shape = [1, 1, 1]
    shape[colours] = CHANNELS
    mean, std = (np.array(values, np.float32) for values in (spec.mean, spec.std))
    if (mean != 0).any():
        image = graph.add("Sub", image, graph.floats(mean.reshape(shape), "mean"))
    if (std != 1).any():
        image = graph.add("Mul", image, graph.floats((1 / std).reshape(shape), "scale"))
    return image
