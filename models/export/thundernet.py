"""ThunderNet (Fig. 2) as one ONNX graph, from uint8 frame to boxes and class probabilities."""

import numpy as np
import onnx

from models.errors import ConfigError
from models.export.backbone import add_backbone
from models.export.channels import DEFAULT_BLOCK
from models.export.context import add_context
from models.export.graph import GraphBuilder
from models.export.proposals import add_proposals
from models.export.psroi_align import add_psroi_align
from models.export.roi_head import add_roi_head
from models.export.rpn import add_attention, add_rpn
from models.thundernet.backbones.plan import SNetPlan, name_backbone
from models.thundernet.backbones.snet import SNet
from models.thundernet.cem import ContextEnhancementModule
from models.thundernet.config import ThunderNetConfig
from models.thundernet.input_shape import InputShape
from models.thundernet.thundernet import ThunderNet

FLOAT = onnx.TensorProto.FLOAT


def make_graph(
    model: ThunderNet,
    metadata: dict[str, str],
    expose_rois: bool = False,
    objectness_cut: float | None = None,
    block: int = DEFAULT_BLOCK,
    shape: InputShape | None = None,
) -> onnx.ModelProto:
    """The deployed graph: `frame` (H, W, 3) BGR -> `boxes` (R, 4), `scores` (R, K).

    Args:
        expose_rois: also publish the proposals as `rois` (R, 4), for comparison with the trained
            network: near ties make the two choose differently. Where rows are pairs of RoI and
            class (see roi_head.py), those are published as `pairs`.
        objectness_cut: see proposals.py.
        block: see channels.py.
        shape: of the input; the square of `config.input_size` if there is none.
    """
    check_exportable(model.config)
    assert isinstance(model.backbone, SNet)
    assert isinstance(model.context, ContextEnhancementModule)
    shape = shape or InputShape.square(model.config.input_size)
    graph = GraphBuilder("thundernet", block)
    frame = graph.input("frame", np.uint8, [*shape, 3])
    image = add_image(graph, frame, model.pixel_mean.numpy().reshape(3), shape)
    maps = add_backbone(graph, image, model.backbone, model.pixel_std.numpy().reshape(3))
    context = add_context(graph, maps, model.context, shape)
    rpn = add_rpn(graph, context, model.rpn)
    features = context
    if model.sam is not None:
        features = add_attention(graph, context, rpn.features, model.sam)
    rois = add_proposals(graph, rpn, model, shape, objectness_cut)
    pooled = add_psroi_align(graph, features, rois, model.config, shape)
    head = add_roi_head(graph, pooled, rois, model.roi_head, model.config, shape)
    rows = "rois" if head.pairs is None else "pairs"
    graph.output("boxes", head.boxes, [rows, 4])
    graph.output("scores", head.scores, [rows, model.config.num_classes])
    if expose_rois:
        graph.output("rois", rois, ["rois", 4])
    if expose_rois and head.pairs is not None:
        graph.output("pairs", head.pairs, ["pairs"], np.int64)
    return graph.build(metadata)


def check_exportable(config: ThunderNetConfig) -> None:
    """Raises ConfigError for the ablations of configs/paper that no graph is written for."""
    plan = config.backbone
    if not isinstance(plan, str | SNetPlan):
        raise ConfigError(f"backbone: expected an SNet for export, got {name_backbone(plan)}")
    if isinstance(plan, SNetPlan) and plan.double_depthwise:
        raise ConfigError("backbone: double_depthwise: expected false for export, got true")
    if not config.context_enhancement:
        raise ConfigError("context_enhancement: expected true for export, got false")
    if config.rpn_kind != "light":
        raise ConfigError(f"rpn_kind: expected light for export, got {config.rpn_kind}")


def add_image(graph: GraphBuilder, frame: str, mean: np.ndarray, shape: InputShape) -> str:
    """The mean-free frame as one plane (1, 1, H, 3 * W), a pixel's three colours side by side.

    The division by the standard deviation is in conv1's weights. The mean is not: conv1 pads with
    zero, which in training is the mean colour, so folding it would change a border of one pixel.
    """
    with graph.scope("image"):
        plane_shape = graph.integers([1, 1, shape.height, 3 * shape.width], "shape")
        plane = graph.add("Cast", graph.add("Reshape", frame, plane_shape), to=FLOAT)
        return graph.add("Sub", plane, graph.floats(np.tile(mean, shape.width), "mean"))
