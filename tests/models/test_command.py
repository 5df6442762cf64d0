"""What commands share: files that they must not write over."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

from models import weights
from models.adopt import command as adopt
from models.calibrate import command as calibrate
from models.command import check_out, check_outputs
from models.convert import command as convert
from models.errors import ConfigError
from models.evaluate import command as evaluate
from models.export import command as export
from models.quantize import command as quantize
from models.train.widening import command as widening
from models.visualize import command as visualize

pytestmark = pytest.mark.torch


class Runnable(Protocol):
    """A command's module."""

    parse_arguments: Callable[[list[str]], argparse.Namespace]
    run: Callable[[argparse.Namespace], object]


def test_a_file_that_is_read_is_not_written(tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(b"network")
    (tmp_path / "link.onnx").symlink_to(model)
    check_out(tmp_path / "other.onnx", model)
    for out in (model, tmp_path / "link.onnx", tmp_path / "." / "model.onnx"):
        with pytest.raises(ConfigError, match="expected another file to write"):
            check_out(out, tmp_path / "data.json", model)


def test_outputs_are_neither_inputs_nor_one_another(tmp_path: Path) -> None:
    a, b, c = (tmp_path / name for name in "abc")

    def check(**options: object) -> None:
        check_outputs(argparse.Namespace(**options), "out", "results")

    check(out=a, results=b, model=c, data=[c], name="a", limit=None)
    check(out=None, results=None, model=c)
    for options in (
        {"out": a, "results": None, "model": a},
        {"out": a, "results": b, "data": [c, b]},
        {"out": a, "results": a},
    ):
        with pytest.raises(ConfigError, match="expected another file to write"):
            check(**options)


DATA = ["--data", "val.json"]


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        (weights, ["KEPT", "KEPT"]),
        (weights, ["a.pt", "KEPT", "--mean", "b.pt", "KEPT"]),
        (calibrate, ["KEPT", "m.onnx", "KEPT", *DATA]),
        (calibrate, ["a.pt", "KEPT", "KEPT", *DATA]),
        (calibrate, ["a.pt", "m.onnx", "KEPT", "--data", "val.json", "KEPT"]),
        (quantize, ["KEPT", "KEPT", *DATA, "--val", "val.json"]),
        (quantize, ["m.onnx", "KEPT", *DATA, "--val", "KEPT"]),
        (export, ["KEPT", "KEPT"]),
        (convert, ["KEPT", "--config", "a.yaml", "--out", "KEPT"]),
        (convert, ["a.pth", "--config", "KEPT", "--out", "KEPT"]),
        (widening, ["KEPT", "KEPT", "--backbone", "snet146"]),
        (widening, ["a.pt", "KEPT", "--backbone", "snet146", "--data", "KEPT"]),
        (adopt, ["KEPT", "-o", "KEPT"]),
        (adopt, ["a.onnx", "-o", "KEPT", "--labels", "KEPT"]),
        (adopt, ["a.onnx", "-o", "KEPT", "--head", "KEPT"]),
        (adopt, ["a.onnx", "-o", "KEPT", "--anchors", "KEPT"]),
        (evaluate, ["KEPT", *DATA, "--results", "KEPT"]),
        (evaluate, ["m.onnx", "--data", "KEPT", "--detections", "KEPT"]),
        (evaluate, ["m.onnx", *DATA, "--expect", "KEPT", "--results", "KEPT"]),
        (evaluate, ["m.onnx", *DATA, "--detections", "KEPT", "--results", "KEPT"]),
        (visualize, ["detections", "m.onnx", "KEPT", "--out", "KEPT"]),
        (visualize, ["detections", "KEPT", "a.jpg", "--out", "KEPT"]),
        (visualize, ["attention", "KEPT", "a.jpg", "--out", "KEPT"]),
        (visualize, ["accuracy", "KEPT", "--out", "KEPT"]),
    ],
)
def test_a_command_refuses_to_write_over_what_it_reads(
    module: Runnable, arguments: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "kept.png"
    path.write_bytes(b"mine")
    given = [str(path) if each == "KEPT" else str(tmp_path / each) if "." in each else each
             for each in arguments]  # fmt: skip
    with pytest.raises(ConfigError, match="expected another file to write than those that are"):
        module.run(module.parse_arguments(given))
    assert [each.name for each in tmp_path.iterdir()] == ["kept.png"]
    assert path.read_bytes() == b"mine"
