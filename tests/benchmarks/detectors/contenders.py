"""What is measured: one contender per model, engine and part of the way from frame to detections.

The parts: `frame` is from a 720p frame to final detections, `graph` from the warped frame to boxes
and scores of every RoI, `dense` the convolutions up to the maps from which RoIs are chosen and
read. Other engines have no counterpart to all of our graph, so they also meet in `dense`.
"""

from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx

from models.quantize.calibration import measure_ranges
from models.quantize.parts import present_parts
from models.quantize.scheme import SCHEMES, quantize
from stages.kernels.resize import warp_into
from stages.model.detector import Detector
from stages.model.frame_detector import FrameDetector, make_soft_nms
from tests.benchmarks.detectors.engines import (
    EngineError,
    Infer,
    open_ncnn,
    open_openvino,
    open_ort,
    open_peer,
)

ROIS = (200, 100, 50)
DEPLOYED_ROIS = 100
OURS, INT8, PLAIN = "ours", "ours int8", "plain export"
NARROW_BLOCK = 8  # what AVX2 works on; ours have 16, which all machines do well with
NARROW = f"ours, blocks of {NARROW_BLOCK}"
SAME = 0.01  # of the largest value: ncnn stores weights in 16 bits


class Contender(NamedTuple):
    model: str
    rois: int
    part: str  # frame, graph or dense
    engine: str
    call: Callable[[], object]
    macs: int | None = None
    path: Path | None = None  # of a graph that ONNX Runtime can profile

    @property
    def name(self) -> str:
        return f"{self.model}/{self.rois} {self.part} {self.engine}"


class Bench(NamedTuple):
    """One frame, and where files may be written."""

    frame: np.ndarray  # 720p
    tensor: np.ndarray  # (S, S, 3), the same warped
    folder: Path

    @property
    def image(self) -> np.ndarray:
        """What a plain export takes, (1, 3, S, S)."""
        return np.ascontiguousarray(self.tensor.transpose(2, 0, 1)[None].astype(np.float32))


def make_bench(frame: np.ndarray, folder: Path, size: int = 320) -> Bench:
    tensor = np.empty((size, size, 3), np.uint8)
    warp_into(frame, tensor)
    return Bench(frame, tensor, folder)


def shipped_contenders(path: Path, bench: Bench) -> Iterator[Contender]:
    """A trained model as the line runs it, beside its 8-bit version."""
    name = path.stem
    yield from line_contenders(name, path, bench, None)
    if find_spec("openvino"):
        rois = Detector(path).metadata.max_rois
        yield Contender(name, rois, "graph", "OpenVINO", open_openvino(path, bench.tensor))


def line_contenders(name: str, path: Path, bench: Bench, macs: int | None) -> Iterator[Contender]:
    """Frame to detections and graph alone, in float32 and in 8 bits."""
    detector = Detector(path)
    rois = detector.metadata.max_rois
    yield Contender(name, rois, "graph", OURS, open_ort(path, bench.tensor), macs, path)
    yield Contender(name, rois, "frame", OURS, detection_of(detector, bench))
    quantized = write_int8(path, bench)
    yield Contender(name, rois, "graph", INT8, open_ort(quantized, bench.tensor), macs, quantized)
    yield Contender(name, rois, "frame", INT8, detection_of(Detector(quantized), bench))


def detection_of(detector: Detector, bench: Bench) -> Callable[[], object]:
    whole = FrameDetector(detector, make_soft_nms(detector.metadata))
    return lambda: whole.detect(bench.frame)


def write_int8(path: Path, bench: Bench) -> Path:
    """The graph with every quantisable part in 8 bits: its speed, not its accuracy."""
    model = onnx.load(path)
    ranges = measure_ranges(model, [bench.tensor])
    quantized = bench.folder / f"{path.stem}-int8.onnx"
    onnx.save(quantize(model, ranges, present_parts(model), SCHEMES["u8s8"]), quantized)
    return quantized


def random_contenders(backbone: str, bench: Bench) -> Iterator[Contender]:
    """A backbone with seeded random weights: ours at every number of RoIs, and other engines."""
    from tests.benchmarks.detectors import networks  # needs torch

    for rois in ROIS:
        model = networks.make_random(backbone, rois)
        path = bench.folder / f"{backbone}-{rois}.onnx"
        networks.write_whole(model, path)
        macs = networks.count_network_macs(model, dense_only=False)
        if rois == DEPLOYED_ROIS:
            yield from line_contenders(backbone, path, bench, macs)
            narrow = bench.folder / f"{backbone}-{rois}-{NARROW_BLOCK}.onnx"
            networks.write_whole(model, narrow, NARROW_BLOCK)
            infer = open_ort(narrow, bench.tensor)
            yield Contender(backbone, rois, "graph", NARROW, infer, macs)
            if find_spec("openvino"):
                infer = open_openvino(path, bench.tensor)
                check_same(f"OpenVINO, {backbone}", open_ort(path, bench.tensor), infer)
                yield Contender(backbone, rois, "graph", "OpenVINO", infer)
            dense, plain = (bench.folder / f"{backbone}_{part}.onnx" for part in ("dense", "plain"))
            networks.write_dense(model, dense)
            networks.write_plain_dense(model, plain)
            macs = networks.count_network_macs(model, dense_only=True)
            yield from dense_contenders(backbone, dense, plain, bench, macs)
        else:
            yield Contender(backbone, rois, "graph", OURS, open_ort(path, bench.tensor), macs)


def dense_contenders(
    name: str, dense: Path, plain: Path, bench: Bench, macs: int
) -> Iterator[Contender]:
    """The same convolutions in every engine, ours and as exported plainly."""
    ours = open_ort(dense, bench.tensor)
    others: dict[str, Infer] = {f"ONNX Runtime, {PLAIN}": open_ort(plain, bench.image)}
    if find_spec("openvino"):
        others["OpenVINO, our graph"] = open_openvino(dense, bench.tensor)
        others[f"OpenVINO, {PLAIN}"] = open_openvino(plain, bench.image)
    if find_spec("ncnn") and find_spec("pnnx"):
        others[f"ncnn, {PLAIN}"] = open_ncnn(plain, bench.image)
    yield Contender(name, DEPLOYED_ROIS, "dense", OURS, ours, macs)
    for engine, infer in others.items():
        check_same(f"{engine}, {name}", ours, infer)
        yield Contender(name, DEPLOYED_ROIS, "dense", engine, infer, macs)


def check_same(name: str, ours: Infer, other: Infer) -> None:
    """Raises EngineError unless the first outputs hold the same values, in whatever order."""
    expected, got = (np.sort(np.asarray(infer()[0]).ravel()) for infer in (ours, other))
    if expected.shape != got.shape:
        raise EngineError(f"{name}: expected {expected.size} values as ours, got {got.size}")
    difference = float(abs(expected - got).max() / abs(expected).max())
    if not difference <= SAME:
        raise EngineError(f"{name}: expected values within {SAME} of ours, got {difference:.3f}")


def peer_contenders(peers: Sequence[tuple[str, Path]]) -> Iterator[Contender]:
    """Models of others as they are, outputs undecoded."""
    for name, path in peers:
        yield Contender(name, 0, "peer", "ONNX Runtime", open_peer(path))
