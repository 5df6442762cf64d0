"""Sizes that a graph asks of its own tensors, settled as the runtime computes them."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.adopt.plain_graph import DEFAULT_DOMAINS
from stages.model.detector import make_session_options
from stages.model.runtime import ort


def settle_sizes(model: onnx.ModelProto, feeds: Mapping[str, NDArray[Any]]) -> None:
    """Each `Shape` that the runtime would answer as it loads the model becomes a constant: what it
    answers on the feeds when nothing is optimized.

    Where the size of the picture is fixed, the runtime answers with what is inferred from the text
    of the graph, and for a `Resize` by .7 or a pooling that rounds up this may be one off from what
    its operators compute (`findings/onnxruntime-folds-another-size.sh`). Sizes that hang on what is
    in the picture are left to be asked. So are those within branches and loops.

    Raises:
        LOAD_ERRORS, RuntimeException: the runtime cannot load or run the model.
    """
    asking = [
        node
        for node in model.graph.node
        if node.op_type == "Shape" and node.domain in DEFAULT_DOMAINS
    ]
    if not asking:
        return
    asked = [node.output[0] for node in asking]
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    del probe.graph.output[:]
    for name in asked:
        probe.graph.output.append(helper.make_tensor_value_info(name, TensorProto.INT64, None))
    settled = _names_known_at_load(probe)
    sizes = dict(zip(asked, _run_as_written(probe, feeds), strict=True))
    for node in asking:
        name = node.output[0]
        if name in settled:
            constant = numpy_helper.from_array(sizes[name])
            node.CopyFrom(helper.make_node("Constant", [], [name], node.name, value=constant))


def _names_known_at_load(model: onnx.ModelProto) -> set[str]:
    """The constants of the graph as the runtime simplifies it."""
    options = make_session_options(1)
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with TemporaryDirectory() as folder:
        path = Path(folder, "simple.onnx")
        options.optimized_model_filepath = str(path)
        _open(model, options)
        simple = onnx.load(path)
    return {tensor.name for tensor in simple.graph.initializer}


def _run_as_written(
    model: onnx.ModelProto, feeds: Mapping[str, NDArray[Any]]
) -> list[NDArray[Any]]:
    options = make_session_options(1)
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    found: list[NDArray[Any]] = _open(model, options).run(None, dict(feeds))
    return found


def _open(model: onnx.ModelProto, options: Any) -> Any:
    return ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"], enable_fallback=0
    )
