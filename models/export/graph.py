"""An ONNX graph under construction: operators are added one by one, tensors go by name."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike
from onnx import TensorProto, helper, numpy_helper

from models.export.channels import DEFAULT_BLOCK

OPSET = 17
FOREIGN = "model/"  # what the names of another project's operators begin with
IR_VERSION = 8  # of the ONNX release that brought opset 17: older runtimes still read it
ONNX_TYPES = {
    np.dtype(np.float32): TensorProto.FLOAT,
    np.dtype(np.int64): TensorProto.INT64,
    np.dtype(np.uint8): TensorProto.UINT8,
}


def find_ir_version(opset: int) -> int:
    """The oldest version of the file format that may hold operators of such an opset."""
    version: int = helper.find_min_ir_version_for([helper.make_opsetid("", opset)])
    return version


class GraphBuilder:
    """`block`: channels of a tensor are padded to a multiple of it (see channels.py)."""

    def __init__(self, name: str, block: int = DEFAULT_BLOCK, opset: int = OPSET) -> None:
        self.name = name
        self.block = block
        self.opset = opset
        self._opsets = [helper.make_opsetid("", opset)]
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._scope: list[str] = []
        self._used: Counter[str] = Counter()

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Prefixes the names that are given inside with the part of the network they belong to."""
        self._scope.append(name)
        yield
        self._scope.pop()

    def input(self, name: str, dtype: type, shape: Sequence[int | str]) -> str:
        kind = ONNX_TYPES[np.dtype(dtype)]
        self._inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def output(
        self, name: str, tensor: str, shape: Sequence[int | str], dtype: type = np.float32
    ) -> None:
        """Publishes a tensor under `name`."""
        kind = ONNX_TYPES[np.dtype(dtype)]
        self._nodes.append(helper.make_node("Identity", [tensor], [name], name=f"output/{name}"))
        self._outputs.append(helper.make_tensor_value_info(name, kind, shape))

    def constant(self, value: ArrayLike, dtype: type, name: str) -> str:
        # np.array, not np.ascontiguousarray: that turns a scalar into a vector, and a Gather by
        # a vector changes the rank of its result.
        full_name = self._unique(name)
        tensor = numpy_helper.from_array(np.array(value, dtype, order="C"), full_name)
        self._constants.append(tensor)
        return full_name

    def floats(self, value: ArrayLike, name: str) -> str:
        return self.constant(value, np.float32, name)

    def integers(self, value: ArrayLike, name: str = "index") -> str:
        return self.constant(value, np.int64, name)

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Adds an operator with one output and returns that output's name."""
        return self.add_many(operator, *inputs, outputs=1, **attributes)[0]

    def add_many(self, operator: str, *inputs: str, outputs: int, **attributes: Any) -> list[str]:
        name = self._unique(operator.lower())
        names = [name] if outputs == 1 else [f"{name}.{i}" for i in range(outputs)]
        self._nodes.append(helper.make_node(operator, inputs, names, name=name, **attributes))
        return names

    def build(self, metadata: dict[str, str]) -> onnx.ModelProto:
        """The checked model."""
        graph = helper.make_graph(
            self._nodes, self.name, self._inputs, self._outputs, self._constants
        )
        model = helper.make_model(graph, opset_imports=self._opsets, producer_name="thunderline")
        model.ir_version = max(IR_VERSION, find_ir_version(self.opset))
        helper.set_model_props(model, metadata)
        onnx.checker.check_model(model, full_check=True)
        return model

    def _unique(self, name: str) -> str:
        full_name = "/".join([*self._scope, name])
        self._used[full_name] += 1
        count = self._used[full_name]
        return full_name if count == 1 else f"{full_name}_{count}"
