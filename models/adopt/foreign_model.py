"""A detector of another project: what it takes, and what it gives on frames of noise.

N is the number of candidates of a head, C that of classes.
"""

import ast
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from models.adopt.errors import AdoptError
from models.adopt.plain_graph import fixed_shape, make_plain, read_graph, set_shape
from models.adopt.settled_sizes import settle_sizes
from stages.model.detector import LOAD_ERRORS, make_session_options
from stages.model.runtime import errors, ort

# The second input of DETR's descendants, (1, 2): the size that boxes are wanted in.
SIZE_INPUTS = ("orig_target_sizes", "target_sizes", "orig_size")
RUN_ERRORS = (*LOAD_ERRORS, errors.RuntimeException)
IMAGE_TYPES = {TensorProto.FLOAT: np.float32, TensorProto.UINT8: np.uint8}
CHANNELS = 3


class Output(NamedTuple):
    """What one output of the model held on two frames of noise."""

    name: str
    shape: tuple[int, ...]  # on the first frame
    values: NDArray[Any]  # of the first frame
    varies: bool  # the second frame gave another shape

    def __str__(self) -> str:
        sizes = ", ".join(map(str, self.shape))
        return f"{self.name} {self.values.dtype} ({sizes}{', varies' if self.varies else ''})"

    def is_probability(self) -> bool:
        return bool(((self.values >= 0) & (self.values <= 1)).all())


class ForeignModel:
    """A plain graph (see plain_graph.py), its input and its outputs."""

    def __init__(self, path: Path, input_wh: tuple[int, int] | None = None) -> None:
        """Raises AdoptError: the file cannot be read or run, or takes something else."""
        self.path = path
        found = read_graph(path)
        self.sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        self.properties = {entry.key: entry.value for entry in found.metadata_props}
        self.model = make_plain(path, found)
        image, *others = self.model.graph.input
        self.image = image.name
        self.channels_last, self.wh = self._fix_image(image, input_wh)
        self.size_input = self._fix_others(others)
        self.dtype = IMAGE_TYPES[image.type.tensor_type.elem_type]
        self.outputs = self._probe()

    @property
    def operators(self) -> set[str]:
        return {node.op_type for node in self.model.graph.node}

    def names(self) -> tuple[str, ...] | None:
        """Class names that the file holds, as Ultralytics writes them; None if it holds none."""
        try:
            found = ast.literal_eval(self.properties.get("names", ""))
        except (ValueError, SyntaxError):
            return None
        if isinstance(found, dict) and set(found) == set(range(len(found))):
            found = [found[number] for number in range(len(found))]
        if isinstance(found, list | tuple) and all(isinstance(name, str) for name in found):
            return tuple(found) or None
        return None

    def describe_outputs(self) -> str:
        return "\n".join(f"    {output}" for output in self.outputs)

    def unlike(self, expected: str) -> AdoptError:
        """The error of a model whose outputs are not such as a family has."""
        return AdoptError(f"{self.path}: expected {expected}, got\n{self.describe_outputs()}")

    def image_shape(self) -> list[int]:
        width, height = self.wh
        image = [height, width, CHANNELS] if self.channels_last else [CHANNELS, height, width]
        return [1, *image]

    def _fix_image(
        self, value: onnx.ValueInfoProto, wanted_wh: tuple[int, int] | None
    ) -> tuple[bool, tuple[int, int]]:
        """Whether colours lie side by side, and (width, height); sets the sizes that are open."""
        shape = fixed_shape(value)
        kind = value.type.tensor_type.elem_type
        if kind not in IMAGE_TYPES or len(shape) != 4 or shape[0] not in (1, None):
            raise AdoptError(
                f"{self.path}: input {value.name}: expected one image, float or uint8 "
                f"(1, {CHANNELS}, H, W) or (1, H, W, {CHANNELS}), got "
                f"{helper.tensor_dtype_to_np_dtype(kind)} {tuple(shape)}"
            )
        if CHANNELS not in (shape[1], shape[3]):
            raise AdoptError(
                f"{self.path}: input {value.name}: expected {CHANNELS} colours, got {tuple(shape)}"
            )
        channels_last = shape[1] != CHANNELS
        height, width = shape[1:3] if channels_last else shape[2:]
        wh = self._choose_size((width, height), wanted_wh)
        sides = [wh[1], wh[0]]
        set_shape(value, [1, *sides, CHANNELS] if channels_last else [1, CHANNELS, *sides])
        return channels_last, wh

    def _choose_size(
        self, file_wh: tuple[int | None, int | None], wanted_wh: tuple[int, int] | None
    ) -> tuple[int, int]:
        if wanted_wh is None:
            width, height = file_wh
            if width is None or height is None:
                raise AdoptError(
                    f"{self.path}: leaves the size of its input open; expected --input-size, the "
                    "one that it was trained for, such as 416 or 640x384"
                )
            return width, height
        if any(side not in (None, wanted) for side, wanted in zip(file_wh, wanted_wh, strict=True)):
            raise AdoptError(
                f"{self.path}: --input-size: expected {file_wh[0]}x{file_wh[1]}, which is fixed in "
                f"the file, got {wanted_wh[0]}x{wanted_wh[1]}"
            )
        return wanted_wh

    def _fix_others(self, others: Sequence[onnx.ValueInfoProto]) -> str | None:
        """The input that takes the frame's size, if there is one."""
        known = [value for value in others if value.name in SIZE_INPUTS]
        if len(others) > len(known) or len(known) > 1:
            names = ", ".join(value.name for value in others)
            raise AdoptError(
                f"{self.path}: expected one input, an image, or beside it one of "
                f"{', '.join(SIZE_INPUTS)}; got besides {self.image}: {names}"
            )
        for value in known:
            set_shape(value, [1, 2])
            return value.name
        return None

    def _probe(self) -> list[Output]:
        """What comes out; settles sizes, and checks that the runtime can run it."""
        outputs = self.model.graph.output
        for value in outputs:  # the sizes that the exporter saw need not be those of this size
            value.type.tensor_type.ClearField("shape")
        first_noise, second_noise = self._draw_noise()
        try:
            settle_sizes(self.model, first_noise)
            session = ort.InferenceSession(
                self.model.SerializeToString(), make_session_options(1),
                providers=["CPUExecutionProvider"], enable_fallback=0,
            )  # fmt: skip
            names = [value.name for value in outputs]
            runs = [session.run(names, feed) for feed in (first_noise, second_noise)]
        except RUN_ERRORS as error:
            raise AdoptError(f"{self.path}: ONNX Runtime {ort.__version__}: {error}") from error
        return [
            Output(value.name, first.shape, first, first.shape != second.shape)
            for value, first, second in zip(outputs, *runs, strict=True)
        ]

    def _draw_noise(self) -> list[dict[str, NDArray[Any]]]:
        """What the inputs take, for two frames of noise."""
        rng = np.random.default_rng(0)
        brightest = 1 if self.dtype == np.float32 else 255
        feeds = []
        for _ in range(2):
            noise = rng.uniform(0, brightest, self.image_shape()).astype(self.dtype)
            feed: dict[str, NDArray[Any]] = {self.image: noise}
            if self.size_input:
                feed[self.size_input] = np.array([self.wh], np.int64)
            feeds.append(feed)
        return feeds
