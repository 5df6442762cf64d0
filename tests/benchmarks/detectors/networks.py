"""Networks of seeded random weights as files: ours, and as a plain export writes them.

Speed does not depend on what the weights are, and the engines can be compared on backbones for
which none have been trained. Needs the training extra.
"""

import warnings
from pathlib import Path

import msgspec
import numpy as np
import onnx
import torch
from torch import Tensor, nn

from models.complexity.macs import count_macs, count_macs_by_part
from models.export.backbone import add_backbone
from models.export.channels import DEFAULT_BLOCK
from models.export.context import add_context
from models.export.graph import GraphBuilder
from models.export.rpn import add_attention, add_rpn
from models.export.thundernet import add_image, make_graph
from models.export.writer import make_card
from models.thundernet.backbones.snet import SNet
from models.thundernet.cem import ContextEnhancementModule
from models.thundernet.input_shape import InputShape
from models.thundernet.thundernet import ThunderNet
from stages.model.model_file import METADATA_KEY, SoftNmsDefaults
from tests.models.random_network import make_network

SOFT_NMS = SoftNmsDefaults(method="linear", iou_thresh=0.5, sigma=0.5)
PRE_NMS_PER_ROI = 10  # 2000 for 200, as in the paper


def make_random(backbone: str, rois: int) -> ThunderNet:
    fields = {"post_nms_top_n": rois, "pre_nms_top_n": PRE_NMS_PER_ROI * rois}
    return make_network(backbone=backbone, **fields)


def count_network_macs(model: ThunderNet, dense_only: bool) -> int:
    """Multiply-accumulates of the trained network for one frame, without padding."""
    size = model.config.input_size
    macs = count_macs_by_part(model, torch.zeros(1, 3, size, size)).total()
    if not dense_only:
        pooled = torch.zeros(1, model.config.post_nms_top_n, model.config.context_channels)
        macs += count_macs(model.roi_head, pooled)
    return macs


def write_whole(model: ThunderNet, path: Path, block: int = DEFAULT_BLOCK) -> None:
    """The deployed graph with a card that the line accepts."""
    card = make_card(model, {"sha256": "0" * 64}, SOFT_NMS, score_thresh=0.3)
    metadata = {METADATA_KEY: msgspec.json.encode(card).decode()}
    onnx.save(make_graph(model, metadata, block=block), path)


def write_dense(model: ThunderNet, path: Path) -> None:
    """The deployed graph up to the maps from which RoIs are chosen and read."""
    assert isinstance(model.backbone, SNet)
    assert isinstance(model.context, ContextEnhancementModule)
    assert model.sam is not None
    shape = InputShape.square(model.config.input_size)
    graph = GraphBuilder("dense")
    frame = graph.input("frame", np.uint8, [*shape, 3])
    image = add_image(graph, frame, model.pixel_mean.numpy().reshape(3), shape)
    maps = add_backbone(graph, image, model.backbone, model.pixel_std.numpy().reshape(3))
    context = add_context(graph, maps, model.context, shape)
    rpn = add_rpn(graph, context, model.rpn)
    features = add_attention(graph, context, rpn.features, model.sam)
    graph.output("objectness_logits", rpn.objectness_logits, ["anchors"])
    graph.output("deltas", rpn.deltas, [4, "anchors"])
    graph.output("features", features.tensor, [1, len(features.channels), "rows", "columns"])
    onnx.save(graph.build({}), path)


class PlainDense(nn.Module):
    """What a plain export of the network in torch has: image (1, 3, S, S) to the maps."""

    def __init__(self, model: ThunderNet) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        dense = self.model(self.model.normalize(image))
        return dense.objectness_logits, dense.deltas, dense.features


def write_plain_dense(model: ThunderNet, path: Path) -> None:
    """The same part by torch.onnx.export, channel shuffles and all."""
    size = model.config.input_size
    names = ["objectness_logits", "deltas", "features"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter is deprecated; it needs no package
        torch.onnx.export(PlainDense(model), (torch.zeros(1, 3, size, size),), str(path),
                          dynamo=False, opset_version=17, input_names=["image"],
                          output_names=names)  # fmt: skip
