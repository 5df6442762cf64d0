"""Teachers: inner maps of both formats, and files that cannot teach."""

from pathlib import Path

import numpy as np
import pytest

from models.errors import ConfigError
from models.train.hints.teacher import Teacher, open_teacher
from models.train.hints.teacher_config import CachedTeacherConfig, Hint
from tests.models.train.hints.teachers import (
    CHANNELS,
    mean_colours,
    write_ncnn_teacher,
    write_onnx_teacher,
)

pytestmark = pytest.mark.torch


def open_file(path: Path, *tensors: str) -> Teacher:
    hints = tuple(Hint(of="c4", tensor=name, channels=3) for name in tensors or ("cells",))
    return open_teacher(CachedTeacherConfig(file=str(path), hints=hints), threads=1)


def noise(side: int = 64) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(3, side, side)).astype(np.float32)


def test_an_inner_tensor_and_an_output_of_a_graph(tmp_path: Path) -> None:
    image = noise()
    seen, cells = open_file(write_onnx_teacher(tmp_path / "t.onnx"), "seen", "cells").maps(image)
    np.testing.assert_allclose(cells, mean_colours(image), atol=1e-5)
    assert seen.shape == (CHANNELS, 4, 4)


def test_blobs_of_ncnn(tmp_path: Path) -> None:
    pytest.importorskip("ncnn", reason="in the extra bench")
    teacher = open_file(write_ncnn_teacher(tmp_path / "t.param"), "seen", "cells")
    for side in (64, 96):
        image = noise(side)
        seen, cells = teacher.maps(image)
        np.testing.assert_allclose(cells, mean_colours(image), atol=1e-4)
        np.testing.assert_allclose(seen, mean_colours(image).clip(min=0), atol=1e-4)


def test_files_that_cannot_teach_are_refused(tmp_path: Path) -> None:
    graph = write_onnx_teacher(tmp_path / "t.onnx")
    (tmp_path / "no.onnx").write_bytes(b"\xff no graph")
    (tmp_path / "alone.param").write_text("7767517\n")
    for name, tensor, message in (
        ("absent.onnx", "cells", "absent.onnx: no such file"),
        ("alone.param", "cells", "alone.bin: no such file"),
        ("t.pt", "cells", "expected one of .onnx, .param, got "),
        ("no.onnx", "cells", "no.onnx: expected an ONNX file"),
        ("t.onnx", "absent", "t.onnx: no tensor absent, of 2"),
    ):
        with pytest.raises(ConfigError, match=message):
            open_file(tmp_path / name, tensor)
    fixed = open_file(write_onnx_teacher(graph, side=96))
    with pytest.raises(ConfigError, match=r"t.onnx: ONNX Runtime: .*imension"):
        fixed.maps(noise(64))


def test_a_damaged_network_of_ncnn_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("ncnn", reason="in the extra bench")
    path = write_ncnn_teacher(tmp_path / "t.param")
    with pytest.raises(ConfigError, match="no tensor absent, of 3"):
        open_file(path, "absent")
    path.write_text(path.read_text().replace("ReLU", "Nothing"))
    with pytest.raises(ConfigError, match=r"ncnn cannot load it and its \.bin"):
        open_file(path)
