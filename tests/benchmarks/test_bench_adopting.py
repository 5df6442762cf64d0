"""What adopting costs or gains: graphs of other projects before and after, side by side."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from stages.model.detector import make_session_options
from stages.model.runtime import ort
from tests.benchmarks.detectors.turns import measure_in_turns
from tests.benchmarks.report import Row, report
from tests.benchmarks.timing import pinned
from tests.running_line import REPOSITORY

pytestmark = pytest.mark.bench

PEERS = REPOSITORY.parent / "shared/peers"
FILES = ("yolox_nano.onnx", "nanodet_m_320.onnx")
LEVELS = ort.GraphOptimizationLevel
TYPES = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8}


def make_call(path: Path, level: ort.GraphOptimizationLevel) -> Callable[[], object]:
    """One inference on noise of bytes."""
    options = make_session_options(threads=1)
    options.graph_optimization_level = level
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    (image,) = session.get_inputs()
    noise = np.random.default_rng(0).integers(0, 256, image.shape).astype(TYPES[image.type])
    return partial(session.run, None, {image.name: noise})


def test_graphs_before_and_after_adopting(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    from models.adopt.command import main

    calls: dict[str, Callable[[], object]] = {}
    for peer in (PEERS / name for name in FILES):
        if not peer.exists():
            pytest.skip(f"no {peer}")
        adopted = tmp_path / peer.name
        assert main([str(peer), "--labels", "coco", "-o", str(adopted)]) == 0
        for what, path in (("as exported", peer), ("adopted", adopted)):
            calls[f"{peer.stem}, {what}"] = make_call(path, LEVELS.ORT_ENABLE_ALL)
            plain = make_call(path, LEVELS.ORT_ENABLE_EXTENDED)
            calls[f"{peer.stem}, {what}, no blocked layout"] = plain
    with pinned():
        taken = measure_in_turns(calls, rounds=20)
    first = {name.partition(",")[0]: ms.cpu_ms for name, ms in reversed(taken.items())}
    rows: list[Row] = [
        {"graph": name, "best ms": ms.best_ms, "CPU ms": ms.cpu_ms,
         "of exported": ms.cpu_ms / first[name.partition(",")[0]]}
        for name, ms in taken.items()
    ]  # fmt: skip
    report("adopting", "Graphs of other projects, before and after models.adopt", rows)
