"""Any other head whose outputs hold boxes and scores: a YAML file says which is what.

picture: {colour: rgb, mean: [0, 0, 0], std: [255, 255, 255],
          fit: {letterbox: {align: centre, pad: [114, 114, 114]}}}
boxes: {output: OUT, columns: [0, 4], format: cxcywh, unit: pixels}
scores: {output: OUT, columns: [5, 85], activation: none}
objectness: {output: OUT, column: 4}      # may be left out
nms: hard                                 # none: the model says each object once
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
from onnx import TensorProto

from models.adopt.errors import AdoptError
from models.adopt.family import ONCE, Classes, hard
from models.adopt.foreign_model import ForeignModel, Output
from models.adopt.grafted_graph import GraftedGraph
from models.adopt.head import Head, corners_of_centres, keep_classes, scaled, spread_classes
from models.adopt.picture import PictureSpec
from stages.model.model_file import SoftNmsDefaults

BOX = 4
Activation = Literal["none", "sigmoid", "softmax"]
BoxFormat = Literal["xyxy", "yxyx", "cxcywh", "xywh"]
ACTIVATIONS = {"sigmoid": "Sigmoid", "softmax": "Softmax"}


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    output: str


class _Boxes(_Section, frozen=True):
    columns: tuple[int, int] = (0, BOX)
    format: BoxFormat = "xyxy"
    unit: Literal["pixels", "fractions"] = "pixels"


class _Scores(_Section, frozen=True):
    columns: tuple[int, int] | None = None  # of the classes; None: all
    activation: Activation = "none"
    classes_first: bool = False  # (1, C, N) where it is usually (1, N, C)
    background: Literal["none", "first", "last"] = "none"


class _Column(_Section, frozen=True):
    column: int = 0
    activation: Literal["none", "sigmoid"] = "none"


class _ClassIds(_Section, frozen=True):
    column: int = 0
    first: int = 0  # the number of the first class


class RawHead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file. `classes` is for models whose rows have one score, and the number of a class."""

    boxes: _Boxes
    scores: _Scores
    objectness: _Column | None = None
    classes: _ClassIds | None = None
    picture: PictureSpec = PictureSpec()
    nms: Literal["none", "hard", "linear", "gaussian"] = "hard"
    iou_thresh: float = 0.5


def read_head(path: Path) -> RawHead:
    """Raises AdoptError: the file cannot be read, or a key is wrong; the text says which."""
    try:
        return msgspec.yaml.decode(path.read_bytes(), type=RawHead)
    except (OSError, msgspec.MsgspecError) as error:
        raise AdoptError(f"--head {path}: {error}") from error


class Raw:
    name = "raw"

    def __init__(self, spec: RawHead) -> None:
        self._spec = spec
        self.picture = spec.picture
        self.soft_nms = ONCE if spec.nms == "none" else make_defaults(spec)

    def recognises(self, model: ForeignModel) -> bool:
        return False  # it is asked for

    def classes(self, model: ForeignModel, labels: int) -> int | None:
        if self._spec.classes is not None:
            return None
        start, end = self._columns(model)
        return end - start - (self._spec.scores.background != "none")

    def add_head(
        self, graph: GraftedGraph, outputs: Mapping[str, str], model: ForeignModel, classes: Classes
    ) -> Head:
        spec = self._spec
        found = find_output(model, spec.boxes.output)
        is_transposed = spec.scores.classes_first and spec.boxes.output == spec.scores.output
        rows = add_rows(graph, outputs, found, is_transposed)
        boxes = graph.columns(rows, *spec.boxes.columns)
        scores = self._add_scores(graph, outputs, model, classes)
        if spec.objectness is not None:
            objectness = self._add_column(graph, outputs, model, spec.objectness)
            scores = graph.add("Mul", scores, objectness)
        count = None if found.varies else count_rows(found, is_transposed)
        return Head(scores, [boxes], RawBoxes(spec.boxes, model.wh).decode, count)

    def _columns(self, model: ForeignModel) -> tuple[int, int]:
        """The columns of the classes and of a background."""
        output = find_output(model, self._spec.scores.output)
        width = output.shape[-2 if self._spec.scores.classes_first else -1]
        start, end = self._spec.scores.columns or (0, width)
        if not 0 <= start < end <= width:
            raise AdoptError(
                f"--head: scores.columns: expected two of 0 to {width}, got [{start}, {end}]"
            )
        return start, end

    def _add_scores(
        self, graph: GraftedGraph, outputs: Mapping[str, str], model: ForeignModel, classes: Classes
    ) -> str:
        spec = self._spec.scores
        rows = add_rows(graph, outputs, find_output(model, spec.output), spec.classes_first)
        start, end = self._columns(model)
        rows = graph.columns(rows, start, end)
        if spec.activation == "softmax":
            rows = graph.add("Softmax", rows, axis=1)
        elif spec.activation == "sigmoid":
            rows = graph.add("Sigmoid", rows)
        if self._spec.classes is not None:
            ids = self._spec.classes
            table = add_rows(graph, outputs, find_output(model, ids.output), spec.classes_first)
            class_id = graph.columns(table, ids.column, ids.column + 1)
            class_id = graph.add("Cast", class_id, to=TensorProto.FLOAT)
            return spread_classes(
                graph, rows, class_id, [ids.first + kept for kept in classes.kept]
            )
        first = 1 if spec.background == "first" else 0
        return keep_classes(graph, rows, [first + kept for kept in classes.kept], end - start)

    def _add_column(
        self, graph: GraftedGraph, outputs: Mapping[str, str], model: ForeignModel, spec: _Column
    ) -> str:
        output = find_output(model, spec.output)
        is_transposed = self._spec.scores.classes_first and len(output.shape) > 2
        rows = add_rows(graph, outputs, output, is_transposed)
        column = graph.columns(rows, spec.column, spec.column + 1)
        return graph.add("Sigmoid", column) if spec.activation == "sigmoid" else column


class RawBoxes(NamedTuple):
    spec: _Boxes
    wh: tuple[int, int]

    def decode(self, graph: GraftedGraph, rows: Sequence[str]) -> str:
        boxes = rows[0]
        if self.spec.format == "yxyx":
            boxes = graph.take(boxes, [1, 0, 3, 2], axis=1)
        if self.spec.unit == "fractions":
            boxes = scaled(graph, boxes, [*self.wh, *self.wh])
        if self.spec.format == "cxcywh":
            return corners_of_centres(graph, boxes)
        if self.spec.format == "xywh":
            low, size = graph.columns(boxes, 0, 2), graph.columns(boxes, 2, 4)
            return graph.add("Concat", low, graph.add("Add", low, size), axis=1)
        return boxes


def make_defaults(spec: RawHead) -> SoftNmsDefaults:
    return msgspec.structs.replace(hard(spec.iou_thresh), method=spec.nms)


def find_output(model: ForeignModel, name: str) -> Output:
    for output in model.outputs:
        if output.name == name:
            return output
    raise AdoptError(
        f"--head: expected one of the outputs, got {name!r}; they are\n{model.describe_outputs()}"
    )


def count_rows(output: Output, is_transposed: bool) -> int | None:
    shape = output.shape
    return (shape[-1] if is_transposed else int(output.values.size // shape[-1])) or None


def add_rows(
    graph: GraftedGraph, outputs: Mapping[str, str], output: Output, is_transposed: bool
) -> str:
    """An output as rows (N, ?): those of a list (1, N) have one column."""
    tensor = outputs[output.name]
    if is_transposed:
        rows = graph.rows(tensor, output.shape[-1])
        return graph.add("Transpose", rows, perm=[1, 0])
    return graph.rows(tensor, output.shape[-1] if len(output.shape) > 2 else 1)


def example(model: ForeignModel) -> str:
    """A file for this model, to be corrected: it is not known what its outputs mean."""
    outputs = sorted(model.outputs, key=lambda output: -output.values.size)
    boxes = next((out for out in outputs if out.shape and out.shape[-1] == BOX), outputs[0])
    return (
        f"    boxes: {{output: {boxes.name}, columns: [0, 4], format: cxcywh, unit: pixels}}\n"
        f"    scores: {{output: {outputs[0].name}, columns: [4, {outputs[0].shape[-1]}], "
        "activation: sigmoid}"
    )
