"""The engines that are compared, each on one thread, behind one function: a feed in, outputs out.

Of them only ONNX Runtime is always there; the others come with the `bench` extra.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from subprocess import DEVNULL, run
from typing import Any

import numpy as np

from stages.model.detector import make_session_options
from stages.model.runtime import ort

Infer = Callable[[], Sequence[Any]]
ONNX_DTYPES = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8}


class EngineError(RuntimeError):
    """A graph that an engine cannot run."""


def open_ort(path: Path, frame: np.ndarray) -> Infer:
    """ONNX Runtime with the options that the line uses."""
    session = ort.InferenceSession(
        str(path), make_session_options(threads=1), providers=["CPUExecutionProvider"]
    )
    feed = {session.get_inputs()[0].name: frame}
    return lambda: session.run(None, feed)


def open_peer(path: Path) -> Infer:
    """Another project's model in ONNX Runtime, on noise of the size that it asks for."""
    session = ort.InferenceSession(
        str(path), make_session_options(threads=1), providers=["CPUExecutionProvider"]
    )
    rng = np.random.default_rng(0)
    feed = {}
    for node in session.get_inputs():
        # A first size without a number is that of the batch.
        shape = [
            1 if axis == 0 and not isinstance(size, int) else size
            for axis, size in enumerate(node.shape)
        ]
        if node.type not in ONNX_DTYPES or not all(isinstance(size, int) for size in shape):
            raise EngineError(
                f"--peer {path}: input {node.name}: expected float or uint8 of fixed size, "
                f"got {node.type} {node.shape}"
            )
        feed[node.name] = rng.uniform(0, 255, shape).astype(ONNX_DTYPES[node.type])
    return lambda: session.run(None, feed)


def import_openvino() -> Any:
    """OpenVINO without its telemetry, which would report this import to a collector.

    Its way of not having any is that the package which sends it is not there.
    """
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # makes its import fail
    import openvino

    return openvino


def open_openvino(path: Path, frame: np.ndarray) -> Infer:
    """OpenVINO in float32: left alone it computes in bfloat16 where the processor can."""
    openvino = import_openvino()
    options = {
        "INFERENCE_NUM_THREADS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }
    compiled = openvino.Core().compile_model(str(path), "CPU", options)
    request = compiled.create_infer_request()
    request.set_input_tensor(openvino.Tensor(frame))  # a copy, which is not freed too early

    def infer() -> list[np.ndarray]:
        request.infer()
        return [tensor.data for tensor in request.output_tensors]

    return infer


def open_ncnn(path: Path, image: np.ndarray) -> Infer:
    """ncnn on what its converter makes of an ONNX graph that takes one image (1, 3, S, S)."""
    import ncnn

    shape = str(list(image.shape)).replace(" ", "")
    converter = Path(ncnn.__file__).parents[4] / "bin" / "pnnx"
    run([converter, path.name, f"inputshape={shape}"], cwd=path.parent, stdout=DEVNULL,
        stderr=DEVNULL, check=True)  # fmt: skip
    net = ncnn.Net()
    net.opt.num_threads = 1
    stem = path.with_suffix("")
    if net.load_param(f"{stem}.ncnn.param") or net.load_model(f"{stem}.ncnn.bin"):
        raise EngineError(f"ncnn: cannot load what pnnx made of {path}")
    blob = ncnn.Mat(image[0]).clone()  # a Mat does not keep the array alive
    names = net.output_names()

    def infer() -> list[Any]:
        extractor = net.create_extractor()
        extractor.input(net.input_names()[0], blob)
        found = []
        for name in names:
            code, output = extractor.extract(name)
            if code:
                raise EngineError(f"ncnn: {path.name}: output {name}: error {code}")
            found.append(output)
        return found

    infer.net = net  # type: ignore[attr-defined]  # the extractor does not keep it alive
    return infer
