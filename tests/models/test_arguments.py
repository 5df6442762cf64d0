"""Numbers on a command line, and what is none."""

import argparse
from collections.abc import Callable

import pytest

from models import benchmark, trade_offs
from models.adopt import command as adopt
from models.arguments import (
    parse_count,
    parse_finite,
    parse_positive,
    parse_share,
    parse_tolerance,
)
from models.export import command as export
from models.finetune import command as finetune
from models.quantize import command as quantize
from models.train.widening import command as widening
from models.visualize import command as visualize

pytestmark = pytest.mark.torch


@pytest.mark.parametrize(
    ("parse", "good", "bad"),
    [
        (parse_finite, ["-3.5", "0"], ["nan", "inf", "-inf", "left"]),
        (parse_positive, ["0.5", "1e-9"], ["0", "-1", "nan", "inf", "left"]),
        (parse_tolerance, ["0", "0.2"], ["-0.1", "nan", "inf", "left"]),
        (parse_share, ["0", "0.35"], ["1", "-0.1", "7", "nan", "inf", "left"]),
        (parse_count, ["1", "12"], ["0", "-3", "1.5", "nan", "left"]),
    ],
)
def test_numbers(parse: Callable[[str], float], good: list[str], bad: list[str]) -> None:
    for text in good:
        assert parse(text) == float(text)
    for text in bad:
        with pytest.raises(argparse.ArgumentTypeError, match=f"^expected .*, got {text}$"):
            parse(text)


QUANTIZE = ["a.onnx", "b.onnx", "--data", "train.json", "--val", "val.json"]
ADOPT = ["a.onnx", "-o", "b.onnx"]


@pytest.mark.parametrize(
    ("parse", "arguments", "refused"),
    [
        (export.parse_arguments, ["a.pt", "b.onnx", "--score-thresh", "nan"], "nan"),
        (export.parse_arguments, ["a.pt", "b.onnx", "--iou-thresh", "1.5"], "1.5"),
        (export.parse_arguments, ["a.pt", "b.onnx", "--sigma", "0"], "0"),
        (export.parse_arguments, ["a.pt", "b.onnx", "--objectness-cut", "1"], "1"),
        (export.parse_arguments, ["a.pt", "b.onnx", "--stretch", "nan"], "nan"),
        (quantize.parse_arguments, [*QUANTIZE, "--tolerance", "nan"], "nan"),
        (quantize.parse_arguments, [*QUANTIZE, "--part-tolerance", "inf"], "inf"),
        (adopt.parse_arguments, [*ADOPT, "--mean", "nan", "0", "0"], "nan"),
        (adopt.parse_arguments, [*ADOPT, "--std", "1", "1", "0"], "0"),
        (adopt.parse_arguments, [*ADOPT, "--sigma", "0"], "0"),
        (adopt.parse_arguments, [*ADOPT, "--variances", "0.1", "nan"], "nan"),
        (benchmark.parse_arguments, ["a.yaml", "--rois", "0"], "0"),
        (trade_offs.parse_arguments, ["a.pt", "--data", "val.json", "--sigma", "inf"], "inf"),
        (trade_offs.parse_arguments, ["a.pt", "--data", "val.json", "--cut", "1"], "1"),
        (widening.parse_arguments, ["a.pt", "b.pt", "--backbone", "snet146", "--images", "0"], "0"),
        (visualize.parse_arguments, ["detections", "a.onnx", "--limit", "0"], "0"),
        (finetune.parse_arguments, ["--data", "a", "--out", "b", "--train-images", "0"], "0"),
        (finetune.parse_arguments, ["--data", "a", "--out", "b", "--threads", "-1"], "-1"),
    ],
)
def test_what_is_no_setting_is_refused_by_its_command(
    parse: Callable[[list[str]], object],
    arguments: list[str],
    refused: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        parse(arguments)
    last = capsys.readouterr().err.splitlines()[-1]
    assert "error: argument -" in last
    assert last.endswith(f", got {refused}")
