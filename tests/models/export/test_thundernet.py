from typing import Any

import pytest

from models.errors import ConfigError
from models.export.thundernet import make_graph
from stages.model.runtime import ort
from tests.models.export.graph_runs import SMALL
from tests.models.random_network import make_network

pytestmark = pytest.mark.torch


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"backbone": {"kind": "mobilenet_v2"}}, "backbone: expected an SNet for export, got mob"),
        (
            {"backbone": {"kind": "snet", "stages": [8, 16, 32], "double_depthwise": True}},
            "double_depthwise: expected false for export",
        ),
        ({"context_enhancement": False}, "context_enhancement: expected true for export"),
        ({"rpn_kind": "dense"}, "rpn_kind: expected light for export, got dense"),
    ],
)
def test_ablations_without_a_graph_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_graph(make_network(**SMALL, **fields), {})


def test_context_of_the_global_average_alone_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected c4 or c5 among them"):
        make_graph(make_network(**SMALL, context_levels=["global"]), {})


def test_graph_needs_no_operator_beyond_the_standard() -> None:
    model = make_graph(make_network(**SMALL), {})
    assert {node.domain for node in model.graph.node} == {""}
    assert [entry.version for entry in model.opset_import] == [17]
    ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
