"""Whether the lines of this machine are well: `thunderline health`, for a container's health check.

A line is well while results come of the frames that come. Cameras that are away leave it well, as
to start it again would not bring them back.

Exit codes: 0 all are well; 1 one is not, or none runs.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.log import run_command, say
from pipeline.memory.run_dir import SHM_ROOT, living_runs, run_name
from pipeline.memory.vital_sign import well_s_ago

EXIT_WELL, EXIT_NOT_WELL = 0, 1
_LATE_S = 10.0  # it is renewed each second


def make_parser() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def main(arguments: Sequence[str] | None = None, root: Path = SHM_ROOT) -> int:
    make_parser().parse_args(arguments)
    runs = living_runs(root)
    for run in runs:
        say(f"line {run_name(run)}: {_describe(run)}")
    if not runs:
        say("no line runs")
    return EXIT_WELL if runs and all(map(_is_well, runs)) else EXIT_NOT_WELL


def _is_well(run: Path) -> bool:
    ago_s = well_s_ago(run)
    return ago_s is not None and ago_s < _LATE_S


def _describe(run: Path) -> str:
    ago_s = well_s_ago(run)
    if ago_s is None:
        return "not ready yet"
    return "well" if ago_s < _LATE_S else f"not well for {ago_s:.0f} s"


if __name__ == "__main__":
    sys.exit(run_command(main))
