"""Another project's ONNX file made plain: float32, one image of a fixed size, no functions.

What the exporters of other projects leave in their files differs a lot; after this, only the
network and its head do.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, helper, inliner, numpy_helper, version_converter

from models.adopt.errors import AdoptError
from stages.model.model_file import METADATA_KEY

# The operators that adopting adds are the same from this opset on.
LOWEST_OPSET = 13
_OPSET_OF_CENTRES = 11  # from here on `Resize` goes by the centres of pixels, unless it says more
DEFAULT_DOMAINS = ("", "ai.onnx")


def read_graph(path: Path) -> onnx.ModelProto:
    """The file's model.

    Raises:
        AdoptError: it cannot be read, is no ONNX model, is one of ours, lacks its weights, or is
            newer than the installed `onnx`.
    """
    try:
        model = onnx.load(path, load_external_data=False)
    except (OSError, DecodeError) as error:
        raise AdoptError(f"{path}: cannot be read as an ONNX model: {error}") from error
    if not model.graph.node or not model.opset_import:
        raise AdoptError(f"{path}: expected an ONNX model, got one without operators")
    if any(entry.key == METADATA_KEY for entry in model.metadata_props):
        raise AdoptError(f"{path}: is a model file of the line already")
    check_weights_inside(path, model)
    check_opset(path, model)
    return model


def check_weights_inside(path: Path, model: onnx.ModelProto) -> None:
    """Raises AdoptError if weights lie in another file: the line takes one file."""
    outside = [
        {entry.key: entry.value for entry in tensor.external_data}.get("location", "?")
        for tensor in all_tensors(model.graph)
        if tensor.data_location == TensorProto.EXTERNAL
    ]
    if outside:
        raise AdoptError(
            f"{path}: expected all weights inside the file, got {len(outside)} tensors in "
            f"{', '.join(sorted(set(outside)))}; to put them inside: "
            f"onnx.save(onnx.load({path.name!r}), 'whole.onnx')"
        )


def check_opset(path: Path, model: onnx.ModelProto) -> None:
    known = onnx.defs.onnx_opset_version()
    for opset in model.opset_import:
        if opset.domain in DEFAULT_DOMAINS and opset.version > known:
            raise AdoptError(
                f"{path}: expected opset {known} at most, got {opset.version}; export it for an "
                "older one"
            )


def make_plain(path: Path, model: onnx.ModelProto) -> onnx.ModelProto:
    """The same network in float32, by operators of `LOWEST_OPSET` or later, without functions."""
    if model.functions:
        model = inliner.inline_local_functions(model)
    drop_weights_from_inputs(model.graph)
    widen(model.graph)
    opset = opset_of(model)
    if opset < LOWEST_OPSET:
        try:
            model = version_converter.convert_version(model, LOWEST_OPSET)
        except (RuntimeError, ValueError) as error:
            raise AdoptError(
                f"{path}: expected opset {LOWEST_OPSET} or later, got {opset}, which cannot be "
                f"converted: {error}"
            ) from error
    if opset < _OPSET_OF_CENTRES:
        _resize_from_corners(path, model.graph)
    del model.graph.value_info[:]  # may tell of other sizes and of 16 bits
    return model


def _resize_from_corners(path: Path, graph: onnx.GraphProto) -> None:
    """Make each `Resize` of a converted graph the one that it was before opset 11.

    The converter of `onnx` leaves its new defaults in force, which shift what is enlarged by half a
    pixel. Before, a pixel came from its own place over the scale: rounded down where the picture
    grows, and up where it shrinks.
    """
    for part in all_graphs(graph):
        scales = {tensor.name: numpy_helper.to_array(tensor) for tensor in part.initializer}
        for node in part.node:
            if node.op_type == "Constant" and node.attribute[0].name == "value":
                scales[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        for node in part.node:
            if node.op_type != "Resize":
                continue
            scale = scales.get(node.input[2], np.ones(1, np.float32))
            if scale.min() < 1 < scale.max() and not _is_linear(node):
                raise AdoptError(
                    f"{path}: expected {node.name or 'Resize'} to enlarge or to shrink, got scales "
                    f"{scale.tolist()}, for which opset {LOWEST_OPSET} has no nearest pixel"
                )
            nearest = "ceil" if scale.min() < 1 else "floor"
            node.attribute.append(
                helper.make_attribute("coordinate_transformation_mode", "asymmetric")
            )
            node.attribute.append(helper.make_attribute("nearest_mode", nearest))


def _is_linear(resize: onnx.NodeProto) -> bool:
    return any(entry.name == "mode" and entry.s == b"linear" for entry in resize.attribute)


def opset_of(model: onnx.ModelProto) -> int:
    return next(
        (opset.version for opset in model.opset_import if opset.domain in DEFAULT_DOMAINS), 1
    )


def drop_weights_from_inputs(graph: onnx.GraphProto) -> None:
    """Old exporters list weights as inputs; then they are no constants, and nothing is folded."""
    weights = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in weights]
    del graph.input[:]
    graph.input.extend(inputs)


def all_graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """The graph, and those in its branches and loops."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                if inner.node:
                    yield from all_graphs(inner)


def all_tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Every constant: initializers, and those that are attributes of operators."""
    for part in all_graphs(graph):
        yield from part.initializer
        for node in part.node:
            for attribute in node.attribute:
                if attribute.type == onnx.AttributeProto.TENSOR:
                    yield attribute.t


def widen(graph: onnx.GraphProto) -> None:
    """Half-precision tensors in float32: no processor of these boards computes faster in 16 bits.

    Weights keep their values; what lies between is computed more exactly than before.
    """
    for tensor in all_tensors(graph):
        if tensor.data_type == TensorProto.FLOAT16:
            wide = numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(wide, tensor.name))
    for part in all_graphs(graph):
        for value in (*part.input, *part.output):
            if value.type.tensor_type.elem_type == TensorProto.FLOAT16:
                value.type.tensor_type.elem_type = TensorProto.FLOAT
        for node in part.node:
            for attribute in node.attribute:
                if attribute.name in ("to", "dtype") and attribute.i == TensorProto.FLOAT16:
                    attribute.i = TensorProto.FLOAT


def prefix_names(graph: onnx.GraphProto, prefix: str, keep: Callable[[str], bool]) -> None:
    """Every name but those to keep begins with the prefix, also in branches and loops."""

    def renamed(name: str) -> str:
        return name if not name or keep(name) else prefix + name

    for part in all_graphs(graph):
        for tensor in part.initializer:
            tensor.name = renamed(tensor.name)
        for value in (*part.input, *part.output):
            value.name = renamed(value.name)
        for number, node in enumerate(part.node):
            node.name = prefix + (node.name or f"{node.op_type.lower()}_{number}")
            node.input[:] = [renamed(name) for name in node.input]
            node.output[:] = [renamed(name) for name in node.output]


def fixed_shape(value: onnx.ValueInfoProto) -> list[int | None]:
    """Sizes of a tensor; None where the file leaves one open."""
    return [dim.dim_value or None for dim in value.type.tensor_type.shape.dim]


def set_shape(value: onnx.ValueInfoProto, shape: list[int]) -> None:
    kind = value.type.tensor_type.elem_type
    value.CopyFrom(helper.make_tensor_value_info(value.name, kind, shape))
