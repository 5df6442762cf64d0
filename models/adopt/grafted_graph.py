"""A graph that holds another project's network between operators of ours."""

from collections.abc import Mapping, Sequence

import onnx
from onnx import helper

from models.adopt.plain_graph import DEFAULT_DOMAINS, opset_of, prefix_names
from models.export.graph import FOREIGN, GraphBuilder

# From this opset on, axes are an input of ReduceMax.
AXES_AS_INPUT = 18


class GraftedGraph(GraphBuilder):
    """Operators that are added mean the same in every opset from 13 on."""

    def __init__(self, name: str, foreign: onnx.ModelProto) -> None:
        super().__init__(name, opset=opset_of(foreign))
        self._foreign = foreign

    def graft(self, feeds: Mapping[str, str]) -> dict[str, str]:
        """The whole network, its inputs fed with tensors of ours; its outputs' tensors by name."""
        graph = onnx.GraphProto()
        graph.CopyFrom(self._foreign.graph)
        names = [value.name for value in graph.output]
        prefix_names(graph, FOREIGN, keep=lambda name: False)
        fed = {FOREIGN + name: tensor for name, tensor in feeds.items()}
        for name, tensor in fed.items():
            self._nodes.append(helper.make_node("Identity", [tensor], [name], name=f"feed/{name}"))
        self._nodes.extend(graph.node)
        self._constants.extend(graph.initializer)
        for opset in self._foreign.opset_import:
            if opset.domain not in DEFAULT_DOMAINS:
                self._opsets.append(opset)
        return {name: FOREIGN + name for name in names}

    def axes(self, *axes: int) -> str:
        return self.integers(list(axes), "axes")

    def rows(self, tensor: str, columns: int) -> str:
        """A tensor of any shape as (N, columns)."""
        return self.add("Reshape", tensor, self.integers([-1, columns], "shape"))

    def columns(self, rows: str, start: int, end: int) -> str:
        """Columns of (N, ?), from `start` up to `end`."""
        return self.slice(rows, start, end, axis=1)

    def slice(self, tensor: str, start: int, end: int, axis: int) -> str:
        bounds = [self.integers([value], "bound") for value in (start, end, axis)]
        return self.add("Slice", tensor, *bounds)

    def take(self, rows: str, index: Sequence[int] | str, axis: int) -> str:
        wanted = index if isinstance(index, str) else self.integers(list(index))
        return self.add("Gather", rows, wanted, axis=axis)

    def largest(self, table: str, axis: int) -> str:
        """The largest values along an axis."""
        if self.opset >= AXES_AS_INPUT:
            return self.add("ReduceMax", table, self.axes(axis), keepdims=0)
        return self.add("ReduceMax", table, axes=[axis], keepdims=0)
