"""Pushes a configuration to a board, or to all boards of a site, and tells what they answer.

    python -m stages.services.fleet.push hall zones.yaml               # to all boards of hall
    python -m stages.services.fleet.push hall zones.yaml --board board-3
    python -m stages.services.fleet.push hall --delete                 # what the boards' files say

The file has the keys of a line's configuration that are to differ from the file of the board,
where `sources` has cameras by their names, and `*` stands for all of them:

    sources:
      "*": {filter: {min_scores: {person: 0.5}}}
      yard: {zones: {lawn: {polygon: [[0, 0], [1, 0], [1, 1]]}}}

What is pushed to a site goes over what is pushed to a board. A board that is away takes the newest
when it is back.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml
from nats.aio.client import Client

from pipeline.client.shown_text import one_line
from stages.services.fleet.arguments import fleet_name
from stages.services.fleet.messages import ConfigReport
from stages.services.fleet.operator import (
    ApiError,
    OperatorError,
    add_server_options,
    connected,
    run_command,
    store,
)
from stages.services.fleet.subjects import ALL_OF_SITE, BUCKET
from stages.services.fleet.view import BoardView, FleetView, following

_MOST_BYTES = 1 << 20
_DELETED = {"KV-Operation": "DEL"}


def read_patch(path: str) -> bytes:
    """A file as JSON. Raises OperatorError; the boards check what it says."""
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text()
        found = yaml.safe_load(text)
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        reason = getattr(error, "strerror", None) or str(error).replace("\n", " ")
        raise OperatorError(f"{path}: {reason}") from None
    if not isinstance(found, Mapping):
        raise OperatorError(f"{path}: expected keys and values, got {type(found).__name__}")
    sources = found.get("sources", {})
    if not isinstance(sources, Mapping):
        raise OperatorError(
            f"{path}: sources: expected cameras by their names, got {type(sources).__name__}"
        )
    encoded = msgspec.json.encode(found)
    if len(encoded) > _MOST_BYTES:
        raise OperatorError(f"{path}: expected {_MOST_BYTES} bytes at most, got {len(encoded)}")
    return encoded


async def push(client: Client, key: str, patch: bytes | None) -> int:
    """Returns the revision. None deletes. Raises OperatorError."""
    subject = f"$KV.{BUCKET}.{key}"
    try:
        return await store(client, subject, patch or b"", None if patch else _DELETED)
    except ApiError as error:
        raise OperatorError(f"{key}: {error}") from None


def answer_of(board: BoardView, key: str, revision: int) -> ConfigReport | None:
    """What the board says of this revision; None while it has said nothing."""
    report = board.report
    if report is None or report.revisions.get(key, revision) != revision:
        return None
    return report if key in report.revisions else None


def describe(report: ConfigReport) -> Iterator[str]:
    """Lines about what a board has answered."""
    name = f"{report.site}.{report.board}"
    if not report.applied:
        yield f"{name}: refused, nothing has changed: {report.detail}"
        return
    yield f"{name}: in force: {len(report.changes) or 'no'} changes"
    yield from (f"    {change}" for change in report.changes)
    if report.absent:
        yield f"    it has no {', '.join(report.absent)}"


async def wait_for_answers(
    view: FleetView, site: str, board: str | None, key: str, revision: int, patience_s: float
) -> int:
    """Print each answer once; returns how many boards refuse or are silent (1: none is known)."""
    refused, told = 0, set[str]()
    end_s = asyncio.get_running_loop().time() + patience_s
    while True:
        boards = [each for each in view.boards() if each.site == site]
        asked = [each for each in boards if board in (None, each.name)]
        for each in asked:
            report = answer_of(each, key, revision)
            if report is not None and each.name not in told:
                told.add(each.name)
                refused += not report.applied
                print("\n".join(map(one_line, describe(report))), flush=True)
        waiting = [each for each in asked if each.name not in told]
        if asked and not waiting:
            return refused
        if asyncio.get_running_loop().time() > end_s:
            now_ns = time.time_ns()
            named = (f"{each.name} ({each.status(now_ns)})" for each in waiting)
            names = ", ".join(named) or f"no board of {key} is known; one that comes takes it"
            print(one_line(f"no answer within {patience_s:g} s: {names}"))
            return refused + max(1, len(waiting))
        await asyncio.sleep(0.1)


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m stages.services.fleet.push",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("site", type=fleet_name)
    parser.add_argument("file", nargs="?", help="YAML or JSON; - is standard input")
    parser.add_argument("--board", type=fleet_name, help="this one alone")
    parser.add_argument("--delete", action="store_true", help="take back what was pushed")
    parser.add_argument("--wait", type=float, default=20.0, help="seconds for answers; 0: do not")
    add_server_options(parser)
    return parser


async def work(options: argparse.Namespace) -> int:
    if bool(options.file) == options.delete:
        raise OperatorError("expected a file, or --delete")
    patch: Any = None if options.delete else read_patch(options.file)
    key = f"{options.site}.{options.board or ALL_OF_SITE}"
    async with connected(options) as client:
        revision = await push(client, key, patch)
        print(f"{key}: {'deleted' if options.delete else f'revision {revision}'}")
        if options.delete or not options.wait:
            return 0
        async with following(client, f"tl.{options.site}.*.*") as view:
            missing = await wait_for_answers(
                view, options.site, options.board, key, revision, options.wait
            )
    return 1 if missing else 0


def main(arguments: Sequence[str] | None = None) -> int:
    options = make_parser().parse_args(arguments)
    return run_command(lambda: work(options))


if __name__ == "__main__":
    sys.exit(main())
