"""One page about this machine, with what to do about each line.

    thunderline doctor                 the machine
    thunderline doctor gate.yaml       and the model and the cameras of a configuration, each of
                                       which is opened for a moment
    thunderline doctor --json          for programs

Exit codes: 0 a line can run here; 1 something keeps it from that; 2 the configuration cannot be
read.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from pipeline import log
from pipeline.errors import LineError
from pipeline.log import say, say_error, say_json
from stages.line.configuration.config_source import ConfigSource
from stages.line.configuration.references import resolve_references
from stages.line.doctor.board import look_at_board
from stages.line.doctor.cameras import look_at_cameras
from stages.line.doctor.finding import Finding, Level, describe
from stages.line.doctor.model import look_at_model
from stages.line.doctor.processor import look_at_processor
from stages.line.doctor.software import look_at_software

EXIT_OK, EXIT_PROBLEM, EXIT_REFUSED = 0, 1, 2


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "config", nargs="?", type=Path, help="YAML file: look at its model and cameras too"
    )
    parser.add_argument("--json", action="store_true", help="one object for each line of the page")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    options = make_parser().parse_args(arguments)
    log.configure("ERROR", "doctor")
    found = []
    try:
        for finding in _look(options.config):
            found.append(finding)
            if options.json:
                say_json(msgspec.json.encode(finding).decode())
            else:
                say(describe(finding))
    except LineError as error:
        say_error(f"error: {error}")
        return EXIT_REFUSED
    problems = [finding for finding in found if finding.level is Level.PROBLEM]
    return EXIT_PROBLEM if problems else EXIT_OK


def _look(config: Path | None) -> Iterator[Finding]:
    cameras = None if config is None else resolve_references(ConfigSource(config).read().config)
    yield from look_at_software()
    yield from look_at_processor()
    yield from look_at_board()
    if cameras is not None:
        yield from look_at_model(cameras)
        yield from look_at_cameras(cameras)


if __name__ == "__main__":
    sys.exit(log.run_command(main))
