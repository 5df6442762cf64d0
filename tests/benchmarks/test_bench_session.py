"""What each session option of the detector is worth, and what loading a model takes."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from stages.model.detector import Detector, make_session_options
from stages.model.model_file import read_model_metadata
from stages.model.runtime import ort
from tests.benchmarks.detectors.turns import measure_in_turns
from tests.benchmarks.report import Row, bench_model, describe_model, report
from tests.benchmarks.timing import pinned

pytestmark = pytest.mark.bench

LEVELS = ort.GraphOptimizationLevel
Change = Callable[[ort.SessionOptions], object]


def with_entry(key: str, value: str) -> Change:
    return lambda options: options.add_session_config_entry(key, value)


def with_value(name: str, value: object) -> Change:
    return lambda options: setattr(options, name, value)


# One change each to the options that the line uses.
CHANGES: dict[str, Change] = {
    "as the line has it": lambda options: None,
    "threads may spin": with_entry("session.intra_op.allow_spinning", "1"),
    "two threads on the one core": with_value("intra_op_num_threads", 2),
    "no arena": with_value("enable_cpu_mem_arena", False),
    "no memory pattern": with_value("enable_mem_pattern", False),
    "no prepacking": with_entry("session.disable_prepacking", "1"),
    "denormals as zero": with_entry("session.set_denormal_as_zero", "1"),
    "parallel execution": with_value("execution_mode", ort.ExecutionMode.ORT_PARALLEL),
    "no blocked layout": with_value("graph_optimization_level", LEVELS.ORT_ENABLE_EXTENDED),
}


def open_session(path: Path, change: Change) -> ort.InferenceSession:
    options = make_session_options(threads=1)
    change(options)
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def bind(session: ort.InferenceSession, tensor: np.ndarray) -> Callable[[], object]:
    """A call whose input and outputs are bound once."""
    binding = session.io_binding()
    binding.bind_ortvalue_input("frame", ort.OrtValue.ortvalue_from_numpy(tensor))
    for name in ("boxes", "scores"):
        binding.bind_output(name, "cpu")

    def infer() -> object:
        session.run_with_iobinding(binding)
        return binding.copy_outputs_to_cpu()

    return infer


def to_rows(title: str, calls: dict[str, Callable[[], object]], rounds: int) -> list[Row]:
    taken = measure_in_turns(calls, rounds)
    first = next(iter(taken.values()))
    return [
        {title: name, "median ms": t.median_ms, "best ms": t.best_ms, "CPU ms": t.cpu_ms,
         "of first": t.cpu_ms / first.cpu_ms}
        for name, t in taken.items()
    ]  # fmt: skip


def test_session_options_table() -> None:
    path = bench_model()
    with pinned():
        tensor = Detector(path).make_tensor()
        tensor[:] = np.random.default_rng(0).integers(0, 256, tensor.shape, np.uint8)
        sessions = {name: open_session(path, change) for name, change in CHANGES.items()}
        calls: dict[str, Callable[[], object]] = {
            name: partial(session.run, None, {"frame": tensor})
            for name, session in sessions.items()
        }
        calls["inputs and outputs bound"] = bind(sessions["as the line has it"], tensor)
        rows = to_rows("session", calls, rounds=40)
    report("session", f"Session options, {describe_model(path)}", rows)


def save_optimised(path: Path, level: ort.GraphOptimizationLevel, kind: str) -> None:
    options = make_session_options(threads=1)
    options.graph_optimization_level = level
    options.optimized_model_filepath = str(path)
    options.add_session_config_entry("session.save_model_format", kind)
    ort.InferenceSession(str(bench_model()), options, providers=["CPUExecutionProvider"])


def test_load_table(tmp_path: Path) -> None:
    path = bench_model()
    portable, local = LEVELS.ORT_ENABLE_EXTENDED, LEVELS.ORT_ENABLE_ALL
    saved = {
        "saved after portable optimisation": (tmp_path / "portable.onnx", portable),
        "ORT format, portable": (tmp_path / "portable.ort", portable),
        "saved for this machine": (tmp_path / "local.onnx", local),
        "ORT format, for this machine": (tmp_path / "local.ort", local),
    }
    keep_level = with_value("graph_optimization_level", local)
    no_level = with_value("graph_optimization_level", LEVELS.ORT_DISABLE_ALL)
    with pinned():
        calls: dict[str, Callable[[], object]] = {
            "session": partial(open_session, path, keep_level)
        }
        for name, (file, level) in saved.items():
            save_optimised(file, level, "ORT" if file.suffix == ".ort" else "ONNX")
            change = no_level if level == local else keep_level
            calls[name] = partial(open_session, file, change)
        calls["metadata and checksum"] = partial(read_model_metadata, path)
        calls["detector: metadata, session, two frames"] = partial(Detector, path)
        rows = to_rows("load", calls, rounds=8)
    report("load", f"Loading {describe_model(path)}", rows)
