"""CEM (Sec. 3.3, Fig. 4) as ONNX operators.

Shapes: C4 (1, C, H, W), C5 (1, C', H/2, W/2) -> context (1, alpha*p*p, H, W), padded.
"""

from typing import cast

from torch import nn

from models.errors import ConfigError
from models.export.backbone import Maps
from models.export.channels import Feature
from models.export.convolution import add_pointwise, fold
from models.export.graph import GraphBuilder
from models.thundernet.cem import ContextEnhancementModule
from models.thundernet.config import STRIDE
from models.thundernet.input_shape import InputShape

C5_STRIDE = 2 * STRIDE


def add_context(
    graph: GraphBuilder, maps: Maps, cem: ContextEnhancementModule, shape: InputShape
) -> Feature:
    """Sum of the levels that the module has.

    The global average joins C5 before that is enlarged: the same sum on a quarter of the cells. It
    is spread over them first, since the runtime adds maps of one size within the convolution.
    """
    if cem.project.keys() == {"global"}:
        raise ConfigError("context_levels: expected c4 or c5 among them, got global alone")
    with graph.scope("cem"):
        terms = []
        if "c5" in cem.project:
            terms.append(project(graph, cem, "c5", maps.c5))
        if "global" in cem.project:
            pooled = Feature(graph.add("GlobalAveragePool", maps.c5.tensor), maps.c5.channels)
            terms.append(project(graph, cem, "global", pooled))
        if cem.project.keys() >= {"c5", "global"}:
            terms[-1] = enlarge(
                graph, terms[-1], shape.height // C5_STRIDE, shape.width // C5_STRIDE
            )
        if "c5" in cem.project:
            terms = [enlarge(graph, add_up(graph, terms), *(C5_STRIDE // STRIDE,) * 2)]
        if "c4" in cem.project:
            terms.append(project(graph, cem, "c4", maps.c4))
        return add_up(graph, terms)


def project(
    graph: GraphBuilder, cem: ContextEnhancementModule, level: str, source: Feature
) -> Feature:
    with graph.scope(level):
        convolution = fold(cast(nn.Conv2d, cem.project[level]))
        return add_pointwise(graph, source, convolution, relu=False)


def add_up(graph: GraphBuilder, terms: list[Feature]) -> Feature:
    total = terms[0]
    for term in terms[1:]:
        total = Feature(graph.add("Add", total.tensor, term.tensor), total.channels)
    return total


def enlarge(graph: GraphBuilder, source: Feature, rows: int, columns: int) -> Feature:
    """Every cell several times, downwards and to the right."""
    scales = graph.floats([1, 1, rows, columns], "scales")
    tensor = graph.add(
        "Resize",
        source.tensor,
        "",
        scales,
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )
    return Feature(tensor, source.channels)
