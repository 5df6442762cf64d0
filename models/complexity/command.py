"""Operations and parameters of the networks in the paper's tables, beside what it prints.

python -m models.complexity
python -m models.complexity configs/paper/table3-snet49.yaml configs/paper/table7-f.yaml
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from models.command import make_parser, run_command
from models.complexity.macs import count_macs, count_macs_by_part, count_parameters
from models.complexity.paper_row import PaperRow, load_row
from models.errors import ConfigError
from models.thundernet.classifier import Classifier, ClassifierConfig
from models.thundernet.config import STRIDE, ThunderNetConfig
from models.thundernet.input_shape import InputShape
from models.thundernet.thundernet import ThunderNet

CONFIGS = Path(__file__).resolve().parents[2] / "configs" / "paper"
USER_ERRORS = (ConfigError,)
# Table 8's parts: CEM, the context, is counted with the backbone and SAM with the head.
PARTS = {
    "backbone": ("backbone", "context"),
    "rpn": ("rpn",),
    "head": ("sam", "roi_head"),
}


class Complexity(NamedTuple):
    parts: dict[str, float]  # millions of multiply-accumulates
    parameters: float  # millions

    @property
    def mflops(self) -> float:
        return sum(self.parts.values())


def measure_row(row: PaperRow) -> Complexity:
    detector = row.detector_config()
    if detector is not None:
        return measure_detector(detector)
    assert row.classifier is not None  # PaperRow has one of the two
    return measure_classifier(row.classifier)


def measure_classifier(config: ClassifierConfig) -> Complexity:
    with torch.device("meta"):  # shapes without values: nothing is computed
        model = Classifier(config).eval()
        macs = count_macs_by_part(model, torch.zeros(1, 3, config.input_size, config.input_size))
    return Complexity(in_millions(macs), count_parameters(model) / 1e6)


def measure_detector(config: ThunderNetConfig, shape: InputShape | None = None) -> Complexity:
    """Counts one image with `post_nms_top_n` RoIs; of `config.input_size` if there is no `shape`.

    The paper's RPN has two logits per anchor. One is enough here, and is counted twice, because
    the figures beside which this one stands have both.
    """
    height, width = shape or InputShape.square(config.input_size)
    cells = (height // STRIDE) * (width // STRIDE)
    with torch.device("meta"):
        model = ThunderNet(config).eval()
        macs = count_macs_by_part(model, torch.zeros(1, 3, height, width))
        pooled = torch.zeros(1, config.post_nms_top_n, config.context_channels)
        macs["roi_head"] = count_macs(model.roi_head, pooled)
    macs["rpn"] += cells * model.rpn.objectness.weight.numel()
    grouped = {part: sum(macs[name] for name in names) for part, names in PARTS.items()}
    return Complexity(in_millions(grouped), count_parameters(model) / 1e6)


def in_millions(macs: dict[str, int]) -> dict[str, float]:
    return {part: count / 1e6 for part, count in macs.items()}


def format_row(name: str, row: PaperRow, found: Complexity) -> str:
    """One line: ours, the paper's, difference, parameters, and Table 8's parts where printed."""
    line = format_comparison(found.mflops, row.printed.mflops)
    parts = [
        f"{part} {found.parts[part]:.1f} ({printed:.0f})"
        for part, printed in row.printed.parts.items()
    ]
    return f"{name:<32} {line} {found.parameters:8.2f}  {', '.join(parts)}".rstrip()


def format_comparison(ours: float, printed: float) -> str:
    return f"{ours:8.1f} {printed:8.0f} {100 * (ours / printed - 1):+7.1f} %"


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = make_parser("complexity", __doc__)
    parser.add_argument("rows", type=Path, nargs="*", help="YAML files; default: configs/paper")
    return parser.parse_args(arguments)


def print_table(paths: Sequence[Path]) -> None:
    print(f"{'row':<32} {'MFLOPs':>8} {'paper':>8} {'differs':>9} {'M params':>8}")
    for path in paths:
        row = load_row(path)
        print(format_row(path.stem, row, measure_row(row)))


def main(arguments: list[str] | None = None) -> int:
    paths = parse_arguments(arguments).rows or sorted(CONFIGS.glob("*.yaml"))
    return run_command("complexity", lambda: print_table(paths), USER_ERRORS)
