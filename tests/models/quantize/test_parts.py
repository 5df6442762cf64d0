import onnx
import pytest

from models.export.thundernet import make_graph
from models.quantize.parts import FLOAT_PARTS, PARTS, is_in, present_parts, quantizable_nodes
from tests.models.random_network import make_network

pytestmark = pytest.mark.torch

SMALL = {"input_size": 128, "pre_nms_top_n": 300, "post_nms_top_n": 40}


def test_every_part_is_found_in_the_deployed_graph(graph: onnx.ModelProto) -> None:
    assert present_parts(graph) == tuple(part for part in PARTS if part != "backbone/stage2")
    names = [node.name for node in graph.graph.node]
    for part in FLOAT_PARTS:
        assert any(is_in(name, [part]) for name in names), part


def test_a_narrow_stage_stays_in_float(graph: onnx.ModelProto) -> None:
    assert quantizable_nodes(graph, ["backbone/stage2"]) == []  # 30 channels, padded to 32
    wide = make_graph(make_network(**SMALL, backbone="snet146"), {})
    assert quantizable_nodes(wide, ["backbone/stage2"])


def test_a_network_without_a_part_lacks_it() -> None:
    graph = make_graph(make_network(**SMALL, backbone="snet146", spatial_attention=False), {})
    assert set(PARTS) - set(present_parts(graph)) == {"backbone/conv5", "sam"}


def test_coordinates_stay_in_float(graph: onnx.ModelProto) -> None:
    names = quantizable_nodes(graph, PARTS)
    assert not any(is_in(name, ["image", "backbone/stem", "proposals", "psroi_align"])
                   for name in names)  # fmt: skip
    assert [name for name in names if is_in(name, ["roi_head"])] == [
        "roi_head/gemm",
        "roi_head/relu",
    ]


def test_part_names_are_whole_words() -> None:
    assert is_in("rpn/conv_3", ["rpn"])
    assert is_in("roi_head/gemm_2", ["roi_head/gemm_2"])
    assert not is_in("rpn2/conv", ["rpn"])
