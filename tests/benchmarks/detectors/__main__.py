"""One table of detectors on one core: ours, other engines on the same weights, the machine's limit.

python -m tests.benchmarks.detectors
python -m tests.benchmarks.detectors --peer yolox-nano=yolox_nano.onnx --rounds 100
python -m tests.benchmarks.detectors --backbones snet49 --chart docs/images/detectors.png

Without the training extra only the shipped model and peers are measured; OpenVINO and ncnn join
when the bench extra is installed.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2

from tests.benchmarks.detectors.contenders import (
    OURS,
    Contender,
    make_bench,
    peer_contenders,
    random_contenders,
    shipped_contenders,
)
from tests.benchmarks.detectors.engines import EngineError
from tests.benchmarks.detectors.machine import measure_sgemm
from tests.benchmarks.detectors.operators import time_by_kind
from tests.benchmarks.detectors.turns import Taken, measure_in_turns
from tests.benchmarks.report import FOLDER, Row, bench_model, describe_machine, report
from tests.benchmarks.street_frame import draw_frame

BACKBONES = ("snet49", "snet146", "snet535")
EXTRAS = {"torch": "train", "openvino": "bench", "ncnn": "bench", "pnnx": "bench"}


def parse_peer(text: str) -> tuple[str, Path]:
    name, _, file = text.partition("=")
    if not (name and file and Path(file).is_file()):
        raise argparse.ArgumentTypeError(f"expected NAME=FILE with a file that exists, got {text}")
    return name, Path(file)


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.detectors",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)))
    parser.add_argument("--backbones", nargs="*", choices=BACKBONES, default=BACKBONES)
    parser.add_argument(
        "--peer", type=parse_peer, action="append", default=[], metavar="NAME=FILE",
        help="another detector's .onnx; repeatable",
    )  # fmt: skip
    parser.add_argument("--chart", type=Path, default=FOLDER / "detectors.png")
    return parser.parse_args(arguments)


def gather(options: argparse.Namespace, folder: Path) -> list[Contender]:
    bench = make_bench(draw_frame(1280, 720), folder)
    backbones = options.backbones if find_spec("torch") else ()
    return list(
        chain(
            shipped_contenders(bench_model(), bench),
            *(random_contenders(backbone, bench) for backbone in backbones),
            peer_contenders(options.peer),
        )
    )


def make_row(contender: Contender, taken: Taken, reference: Taken | None, rate: float) -> Row:
    floor_ms = contender.macs and 1000 * contender.macs / rate
    return {
        "model": contender.model,
        "RoIs": contender.rois or "-",
        "part": contender.part,
        "engine": contender.engine,
        "median ms": taken.median_ms,
        "best ms": taken.best_ms,
        "CPU ms": taken.cpu_ms,
        "of ours": taken.cpu_ms / reference.cpu_ms if reference else "-",
        "MMAC": contender.macs / 1e6 if contender.macs else "-",
        "of floor": taken.cpu_ms / floor_ms if floor_ms else "-",
    }


def make_rows(contenders: list[Contender], taken: dict[str, Taken], rate: float) -> list[Row]:
    """One row each; ratios are to our float32 graph of the same model, RoIs and part."""
    ours = {(c.model, c.rois, c.part): taken[c.name] for c in contenders if c.engine == OURS}
    return [
        make_row(c, taken[c.name], ours.get((c.model, c.rois, c.part)), rate) for c in contenders
    ]


def run(options: argparse.Namespace) -> None:
    with TemporaryDirectory() as name:
        contenders = gather(options, Path(name))
        taken = measure_in_turns({c.name: c.call for c in contenders}, options.rounds)
        rate = measure_sgemm()
        bench = make_bench(draw_frame(1280, 720), Path(name))
        kinds = {
            f"{c.model} {c.engine}": time_by_kind(c.path, bench.tensor, bench.folder)
            for c in contenders
            if c.path is not None
        }
    rows = make_rows(contenders, taken, rate)
    notes = [
        f"core {options.core}, {options.rounds} rounds in turns; ratios and floor by CPU time",
        f"float32 matrix product: {rate / 1e9:.1f} GMAC/s; floor: MMAC by this rate",
        *(f"{graph}: " + ", ".join(f"{kind} {ms:.2f}" for kind, ms in by_kind.items())
          for graph, by_kind in kinds.items()),
        *(f"left out: {package}, of the {extra} extra, is not installed"
          for package, extra in EXTRAS.items() if not find_spec(package)),
    ]  # fmt: skip
    report("detectors", "Detectors on one core", rows, notes)
    if find_spec("matplotlib"):
        from tests.benchmarks.detectors.chart import draw_chart

        machine = describe_machine()
        subtitle = f"{machine['cpu']}, one core, load average {machine['load_average']:.1f}"
        draw_chart(options.chart, rows, kinds, subtitle)
        print(f"chart: {options.chart}")


def main() -> int:
    options = parse_arguments()
    os.sched_setaffinity(0, {options.core})
    cv2.setNumThreads(1)
    try:
        run(options)
    except EngineError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
