"""All boards of a fleet in a table: which of them are sick.

    python -m stages.services.fleet.top --server tls://hub --user viewer
    python -m stages.services.fleet.top --once --site hall

Those that somebody should look at come first: silent, too hot, or with a camera that gives nothing.
`heard` is how long ago a board was heard, by the clock of the hub. One that should have been heard
is silent: what its cameras do meanwhile nobody knows, so their last states are shown in brackets.
`clock` is how far the board's clock is from the hub's, where that is more than two seconds.
"""

import argparse
import asyncio
import sys
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pipeline.client.shown_text import one_line
from stages.services.fleet.operator import (
    OperatorError,
    add_server_options,
    connected,
    run_command,
)
from stages.services.fleet.view import BoardView, CameraView, FleetView, following

_COLUMNS = (
    "site", "board", "status", "heard", "°C", "restarts", "waiting", "lost", "clock", "version",
    "camera", "state", "fps", "age ms", "drops",
)  # fmt: skip
_NUMBERS = {"heard", "°C", "restarts", "waiting", "lost", "clock", "fps", "age ms", "drops"}
_STYLES = {"up": "green", "silent": "red", "stopped": "yellow", "live": "green",
           "connecting": "yellow", "stalled": "red", "lost": "red"}  # fmt: skip
_OF_BOARD = 10  # of the columns
_CLOCK_S = 2.0
_HOT_C = 80.0


def make_table(view: FleetView, site: str | None = None) -> Table:
    """One row for each camera; what is of its board stands in the first. The sick come first."""
    now_ns = view.now_ns()
    boards = [board for board in view.boards() if site in (None, board.site)]
    boards.sort(key=lambda board: not board.is_sick(now_ns))
    statuses = [board.status(now_ns) for board in boards]
    counts = ", ".join(f"{statuses.count(each)} {each}" for each in ("up", "silent", "stopped"))
    table = Table(title=f"{len(boards)} boards: {counts}", title_justify="left", expand=False)
    for name in _COLUMNS:
        table.add_column(name, justify="right" if name in _NUMBERS else "left", no_wrap=True)
    for board in boards:
        for row in rows_of(board, now_ns):
            table.add_row(*row)
    return table


def rows_of(board: BoardView, now_ns: int) -> Iterator[list[Text]]:
    first = _describe_board(board, now_ns)
    is_known = board.status(now_ns) == "up"
    cameras = list(board.cameras()) or [("", CameraView())]
    for number, (name, camera) in enumerate(cameras):
        head = first if number == 0 else [Text("")] * _OF_BOARD
        yield [*head, Text(one_line(name)), *_describe_camera(camera, is_known=is_known)]


def _describe_board(board: BoardView, now_ns: int) -> list[Text]:
    status, state = board.status(now_ns), board.state
    head = [Text(one_line(board.site)), Text(one_line(board.name)), Text(status, _STYLES[status])]
    if state is None:
        return [*head, *[Text("")] * (_OF_BOARD - len(head))]
    heat = max((each.celsius for each in state.temperatures), default=None)
    hot = state.throttled or (heat is not None and heat >= _HOT_C)
    lost = sum(state.outbox.lost.values())
    clock_s = board.clock_s or 0.0
    return [
        *head,
        Text(_duration(board.silent_s(now_ns))),
        Text("" if heat is None else f"{heat:.0f}", "red" if hot else ""),
        _count(state.restarts),
        _count(state.outbox.waiting),
        _count(lost, "red"),
        Text(f"{clock_s:+.0f} s" if abs(clock_s) > _CLOCK_S else "", "red"),
        Text(one_line(state.version)),
    ]


def _describe_camera(camera: CameraView, *, is_known: bool) -> list[Text]:
    state, counters = camera.state, camera.counters
    told = Text("")
    if state is not None:
        why = f" {state.why}" if state.why else ""
        told = Text(one_line(f"{state.state}{why}")[:40], _STYLES.get(state.state, ""))
        if not is_known:
            told = Text(f"({state.state})", "dim")
    if counters is None:
        return [told, Text(""), Text(""), Text("")]
    fps, age_ms = counters.published_fps, counters.age_p50_ms
    drops = sum(each.frames for each in counters.drops)
    return [told, _number(fps), _number(age_ms), _count(drops)]


def _number(value: float | None) -> Text:
    return Text("" if value is None else f"{value:.1f}")


def _count(value: int, style: str = "yellow") -> Text:
    return Text(f"{value:,}" if value else "", style)


def _duration(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m stages.services.fleet.top",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--site", help="this one alone")
    parser.add_argument("--once", action="store_true", help="print the table, and end")
    add_server_options(parser)
    return parser


async def work(options: argparse.Namespace, console: Console) -> int:
    async with connected(options) as client, following(client) as view:
        if options.once:
            console.print(make_table(view, options.site))
            return 0
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while client.is_connected:
                live.update(make_table(view, options.site), refresh=True)
                await asyncio.sleep(1.0)
    raise OperatorError(f"{options.server}: the connection is lost")


def main(arguments: Sequence[str] | None = None) -> int:
    options = make_parser().parse_args(arguments)
    return run_command(lambda: work(options, Console()))


if __name__ == "__main__":
    sys.exit(main())
