"""The training code imports ONNX Runtime with its telemetry off, too."""

from pathlib import Path

import pytest

from tests.traces import NONE, modules_of, traces_of

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("module", ["models.quantize.scheme", "models.quantize.calibration"])
def test_a_module_of_the_training_code_leaves_none(module: str, tmp_path: Path) -> None:
    assert traces_of(f"import {module}", tmp_path) == NONE


def test_the_training_code_leaves_no_trace_of_telemetry(tmp_path: Path) -> None:
    assert traces_of(modules_of("models"), tmp_path) == NONE
