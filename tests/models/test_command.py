"""What commands share: arguments that are numbers, and files that they must not write over."""

import argparse
from pathlib import Path

import pytest

from models import weights
from models.calibrate.command import main as calibrate
from models.command import check_out, parse_count, parse_share
from models.errors import ConfigError
from models.quantize.command import parse_arguments as quantize_arguments
from models.quantize.command import run as quantize

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("text", ["nan", "1", "-0.1", "7", "inf"])
def test_a_share_lies_from_0_to_below_1(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=f"expected 0 to below 1, got {text}"):
        parse_share(text)
    assert parse_share("0.35") == 0.35


@pytest.mark.parametrize("text", ["0", "-3"])
def test_a_count_is_1_or_more(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=f"expected 1 or more, got {text}"):
        parse_count(text)
    assert parse_count("12") == 12


def test_a_file_that_is_read_is_not_written(tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(b"network")
    (tmp_path / "link.onnx").symlink_to(model)
    check_out(tmp_path / "other.onnx", model)
    for out in (model, tmp_path / "link.onnx", tmp_path / "." / "model.onnx"):
        with pytest.raises(ConfigError, match="expected another file to write"):
            check_out(out, tmp_path / "data.json", model)


def test_commands_refuse_to_write_over_what_they_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "kept"
    path.write_bytes(b"mine")
    data = ["--data", str(tmp_path / "val.json")]
    for command, arguments in (
        (weights.main, [path, path]),
        (weights.main, [tmp_path / "a.pt", path, "--mean", path]),
        (calibrate, [path, tmp_path / "m.onnx", path, *data]),
        (calibrate, [tmp_path / "a.pt", path, path, *data]),
    ):
        assert command([str(argument) for argument in arguments]) == 1
        assert "expected another file to write than those that are read" in capsys.readouterr().err
        assert path.read_bytes() == b"mine"
    with pytest.raises(ConfigError, match="expected another file"):
        quantize(quantize_arguments([str(path), str(path), *data, "--val", "val.json"]))
    assert path.read_bytes() == b"mine"
