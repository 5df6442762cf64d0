"""How fast this board is: decoding, each network, and the whole line, in at most two minutes.

    python run_pipeline.py bench                    cameras of 720p, ten detections a second
    python run_pipeline.py bench --size 1920x1080 --rate 5
    python run_pipeline.py bench --chart board.svg  and draw it
    python run_pipeline.py bench --json             for programs

It needs the board for itself: another line, or whatever else runs, makes it look slower. Nothing is
left behind; Ctrl-C ends it at once.

Exit codes: 0 measured; 2 a line cannot run here, or an option is wrong; 130 Ctrl-C.
"""

import argparse
import math
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import msgspec

from pipeline import log
from pipeline.errors import LineError
from pipeline.log import say, say_error, say_json
from stages.line.bench.bench import Bench, Wish
from stages.line.bench.chart import draw_chart
from stages.line.bench.progress import Progress
from stages.line.bench.report import describe
from stages.model.model_choice import AUTO

EXIT_OK, EXIT_REFUSED, EXIT_INTERRUPTED = 0, 2, 130
# What can be drawn; even, as chroma has half the size.
_WIDTHS, _HEIGHTS = range(160, 3841, 2), range(120, 2161, 2)


def main(arguments: Sequence[str] | None = None) -> int:
    options = make_parser().parse_args(arguments)
    log.configure("WARNING", "bench")
    signal.signal(signal.SIGTERM, _interrupt)
    progress = Progress()
    try:
        model = None if options.model == AUTO else options.model
        wish = Wish(options.size, options.rate, model, options.seconds)
        report = Bench(wish, progress.say).run()
        progress.clear()
        if options.json:
            say_json(msgspec.json.encode(report).decode())
        else:
            say(describe(report))
        if options.chart is not None:
            _write(options.chart, draw_chart(report))
    except LineError as error:
        progress.clear()
        say_error(f"error: {error}")
        return EXIT_REFUSED
    except KeyboardInterrupt:
        progress.clear()
        say_error("interrupted")
        return EXIT_INTERRUPTED
    return EXIT_OK


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="run_pipeline.py bench", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument(
        "--size", type=_size, default=(1280, 720), metavar="WxH", help="of the cameras; 1280x720"
    )
    parser.add_argument(
        "--rate", type=_rate, default=10.0, help="detections a second of each camera; 10"
    )
    parser.add_argument(
        "--model", metavar="NAME", help="for the lines: a shipped model's name, or a file; auto",
    )  # fmt: skip
    parser.add_argument(
        "--seconds", type=_seconds, default=110.0, help="begin no other line after so many; 110"
    )
    parser.add_argument("--chart", type=Path, metavar="FILE", help="draw it there, as SVG")
    parser.add_argument("--json", action="store_true", help="say it for programs")
    return parser


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    are_numbers = width.isdecimal() and height.isdecimal()
    if are_numbers and int(width) in _WIDTHS and int(height) in _HEIGHTS:
        return int(width), int(height)
    raise argparse.ArgumentTypeError(
        f"expected even numbers from {_WIDTHS[0]}x{_HEIGHTS[0]} to {_WIDTHS[-1]}x{_HEIGHTS[-1]}, "
        f"got {text}"
    )


def _rate(text: str) -> float:
    return _number(text, 0.5, 25.0)


def _seconds(text: str) -> float:
    return _number(text, 1.0, 3600.0)


def _number(text: str, least: float, most: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(
            f"expected a number from {least:g} to {most:g}, got {text}"
        )
    return value


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError as error:
        raise LineError(f"--chart {path}: {error.strerror}") from None
    say_error(f"wrote {path} ({len(text)} bytes)")


def _interrupt(_signum: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(log.run_command(main))
