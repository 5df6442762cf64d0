"""ThunderNet in ONNX Runtime: one warped frame in, boxes and class probabilities out.

R is the number of RoIs that the network chose, C that of classes.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.kernels.pixels import Pixels
from stages.model.model_file import ModelFileError, ModelMetadata, read_model_metadata
from stages.model.runtime import errors, ort

# ONNX Runtime's exceptions share no base class.
LOAD_ERRORS = (
    errors.Fail,
    errors.InvalidArgument,
    errors.InvalidGraph,
    errors.InvalidProtobuf,
    errors.NoSuchFile,
    errors.NotImplemented,
    errors.RuntimeException,
    UnicodeDecodeError,  # of a name in the graph
)
ERRORS_ONLY = 3  # log severity: what is wrong with a model is said by exceptions


class InferenceError(RuntimeError):
    """The network failed on one frame, or gave no numbers; the session is still good."""


class RoiScores(NamedTuple):
    """What the network says about one frame, neither sorted nor suppressed."""

    boxes_net: NDArray[np.float32]  # (R, 4) xyxy in pixels of the network input
    scores: NDArray[np.float32]  # (R, C) class probabilities, background left out


class Detector:
    """A loaded model, warmed up and checked against its own metadata."""

    def __init__(self, path: Path | str, threads: int = 1) -> None:
        self.metadata = read_model_metadata(path)
        # A model that suppresses boxes by itself may find nothing; the best of all others stays.
        self._has_candidates = self.metadata.soft_nms.method != "none"
        try:
            self._session = ort.InferenceSession(
                str(path), make_session_options(threads), providers=["CPUExecutionProvider"],
                enable_fallback=0,  # there is none, and trying it is printed
            )  # fmt: skip
            check_interface(path, self._session, self.metadata)
        except LOAD_ERRORS as error:
            raise ModelFileError(f"model file {str(path)!r}: {error}") from error
        self._warm_up(path)

    def _warm_up(self, path: Path | str) -> None:
        """One frame, which allocates the arena: the first one took 1.5 ms more, the second 0.3."""
        try:
            self.infer(self.make_tensor())
        except InferenceError as error:
            raise ModelFileError(
                f"model file {str(path)!r}: fails on a black frame: {error}"
            ) from None

    def make_tensor(self) -> Pixels:
        """An input (H, W, 3) for `warp_into` to fill."""
        width, height = self.metadata.input_wh
        return np.zeros((height, width, 3), np.uint8)

    def infer(self, tensor: Pixels) -> RoiScores:
        """Boxes and probabilities of one warped BGR frame (H, W, 3).

        R is 1 at least, but where the model suppresses boxes by itself. Raises InferenceError.
        """
        # The session reads `tensor` where it lies; the two outputs are 12 kB together, and binding
        # them to buffers of our own was measured to gain nothing.
        try:
            boxes, scores = self._session.run(["boxes", "scores"], {"frame": tensor})
        except (errors.Fail, errors.InvalidArgument, errors.RuntimeException) as error:
            raise InferenceError(f"inference: {error}") from None
        # NaN is below any threshold: nothing would be found, and nothing said.
        if np.isnan(scores).any() or np.isnan(boxes).any():
            raise InferenceError("inference: expected boxes and scores in numbers, got NaN")
        if not len(scores) and self._has_candidates:
            raise InferenceError("inference: expected a candidate at least, got none: among NaN "
                                 "there is no best one")  # fmt: skip
        return RoiScores(boxes, scores)


def make_session_options(threads: int) -> ort.SessionOptions:
    """Options for a process that is pinned: no more threads than asked for, and none that spins."""
    options = ort.SessionOptions()
    # Left alone, a session starts a thread per core of the machine, all of them on our one core.
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    # A spinning thread takes the core from the one that it is waiting for.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    # A plan for all tensors of a frame takes one block for them, 6 MiB more and no time less.
    options.enable_mem_pattern = False
    options.log_severity_level = ERRORS_ONLY
    return options


def check_interface(path: Path | str, session: ort.InferenceSession, card: ModelMetadata) -> None:
    """Raises ModelFileError unless the graph takes and gives what the metadata says."""
    width, height = card.input_wh
    expected = {
        "frame": ("tensor(uint8)", [height, width, 3]),
        "boxes": ("tensor(float)", [None, 4]),
        "scores": ("tensor(float)", [None, len(card.labels)]),
    }
    got = {
        node.name: (node.type, [size if isinstance(size, int) else None for size in node.shape])
        for node in (*session.get_inputs(), *session.get_outputs())
    }
    for name in ("boxes", "scores"):  # as many rows as are said, or whatever the frame gives
        _, shape = got.get(name, ("", []))
        if shape and shape[0] is not None and shape[0] <= card.max_rois:
            shape[0] = None
    if got != expected:
        raise ModelFileError(
            f"model file {str(path)!r}: graph and metadata disagree: expected {expected}, got {got}"
        )
