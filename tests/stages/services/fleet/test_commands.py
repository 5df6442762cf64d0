"""What people see of a fleet: the table, and the file of events."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest
from nats.aio.client import Client
from rich.console import Console

from stages.services.fleet import export, top
from stages.services.fleet.view import FleetView
from tests.pipeline.messages import make_event
from tests.running_line import REPOSITORY
from tests.stages.services.fleet.servers import Server

NOW_NS = 1_800_000_000_000_000_000
HOUR_NS = 3_600_000_000_000


def board(**fields: Any) -> dict[str, Any]:
    usual = {
        "v": 1, "site": "hall", "board": "board-3", "sent_unix_ns": NOW_NS, "every_s": 30.0,
        "running": True, "host": "pi", "version": "0.1.0", "model": {"name": "m", "sha256": "a"},
        "cameras": {"yard": "live"}, "restarts": 2, "throttled": None,
        "temperatures": [{"name": "cpu", "celsius": 61.5}],
        "outbox": {"waiting": 0, "bytes": 0, "lost": {"full": 7}},
    }  # fmt: skip
    return usual | fields


def state(name: str, **fields: Any) -> dict[str, Any]:
    usual = {"id": "x", "site": "hall", "board": "board-3", "camera": name, "state": "live",
             "since_unix_ns": 1, "why": ""}  # fmt: skip
    return usual | fields


def show(*told: tuple[str, dict[str, Any]], seconds: float = 0.0) -> str:
    """The table, so many seconds after all of it was stored."""
    view = FleetView()
    for subject, message in told:
        view.hear(subject, msgspec.json.encode(message), NOW_NS)
    view.now_ns = lambda: NOW_NS + int(seconds * 1e9)  # type: ignore[method-assign]
    console = Console(width=200, no_color=True)
    with console.capture() as capture:
        console.print(top.make_table(view))
    return capture.get()


def test_the_table_shows_boards_and_their_cameras() -> None:
    text = show(("tl.hall.board-3.board", board()), ("tl.hall.board-3.yard.state", state("yard")))
    assert "1 boards: 1 up, 0 silent, 0 stopped" in text
    row = next(line for line in text.splitlines() if "board-3" in line)
    cells = [cell.strip() for cell in re.split("[│|]", row)]
    assert cells[1:12] == [
        "hall", "board-3", "up", "0 s", "62", "2", "", "7", "", "0.1.0", "yard",
    ]  # fmt: skip
    assert cells[12] == "live"


def test_what_boards_send_steers_no_terminal() -> None:
    foreign = "a\x1b[2J\n\x9b"
    text = show(
        ("tl.hall.board-3.board", board(version=foreign, cameras={foreign: "live"})),
        (f"tl.hall.board-3.{foreign}.state", state(foreign, state="lost", why=foreign)),
    )
    assert text.replace("\n", "").isprintable()
    assert text.count(r"a\x1b[2J\x0a\x9b") >= 2


def test_a_board_that_is_not_heard_is_silent_and_its_cameras_are_not_called_lost() -> None:
    told = (("tl.hall.board-3.board", board()), ("tl.hall.board-3.yard.state", state("yard")))
    assert "up" in show(*told, seconds=95)
    text = show(*told, seconds=400)
    assert "1 silent" in text
    assert "7 min" in text
    assert "(live)" in text
    assert not re.search(r"│ lost +│", text.splitlines()[-2])


def test_the_sick_come_first() -> None:
    well = board(board="a")
    blind = board(board="b", cameras={"yard": "lost"})
    hot = board(board="c", throttled=True)
    text = show(*((f"tl.hall.{each['board']}.board", each) for each in (well, blind, hot)))
    rows = [line for line in text.splitlines() if "hall" in line]
    assert [re.split("[│|]", row)[2].strip() for row in rows] == ["b", "c", "a"]


def test_a_stopped_line_and_a_wrong_clock_are_shown() -> None:
    late = board(running=False, sent_unix_ns=NOW_NS - HOUR_NS)
    text = show(("tl.hall.board-3.board", late))
    assert "1 stopped" in text
    assert "-3600 s" in text


def test_what_a_newer_board_says_is_passed_over() -> None:
    view = FleetView()
    view.hear("tl.hall.board-9.board", b'{"v": 2}', NOW_NS)
    view.hear("tl.hall.board-9.yard.future", b"{}", NOW_NS)
    assert [each.name for each in view.boards()] == ["board-9"]


def test_the_table_of_a_real_server(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert top.main(["--once", *server.arguments()]) == 0
    assert "0 boards" in capsys.readouterr().out
    body = msgspec.json.encode(board())
    server.do(lambda client: client.jetstream().publish("tl.hall.board-3.board", body))
    assert top.main(["--once", *server.arguments()]) == 0
    assert "1 boards" in capsys.readouterr().out


def ask(query: str) -> list[Any]:
    with duckdb.connect() as database:
        return database.execute(query).fetchall()


def tell(server: Server, events: Sequence[tuple[str, dict[str, Any]]]) -> None:
    async def publish(client: Client) -> None:
        for subject, message in events:
            await client.jetstream().publish(subject, msgspec.json.encode(message))

    server.do(publish)


def passing(seq: int, site: str, hour: int, label: str = "person") -> tuple[str, dict[str, Any]]:
    event = make_event(seq, label=label, captured_unix_ns=NOW_NS + hour * HOUR_NS, run=site)
    head = {"id": f"board/{site}/yard/{seq}", "site": site, "board": "b"}
    return f"tl.{site}.b.yard.track", head | msgspec.to_builtins(event)


def test_events_are_exported_once_each_and_answer_how_many_people_came(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    told = [passing(0, "hall", 0), passing(1, "hall", 0), passing(2, "hall", 1),
            passing(3, "hall", 1, "car"), passing(0, "yard", 1)]  # fmt: skip
    tell(server, [*told, told[0]])
    monkeypatch.chdir(tmp_path)
    assert export.main(["--parquet", "events.parquet", *server.arguments()]) == 0
    assert capsys.readouterr().out == "events.parquet: 5 events, 1 doubles left out\n"
    page = (REPOSITORY / "docs" / "fleet.md").read_text()
    query = re.findall(r"```sql\n(.*?)```", page, re.S)[0]
    rows = ask(query.replace("now()", "TIMESTAMP '2027-01-31'"))
    assert [(site, people) for site, _, people in rows] == [("hall", 2), ("hall", 1), ("yard", 1)]
    assert (rows[1][1] - rows[0][1]).total_seconds() == 3600
    assert export.main(["--parquet", "yard.parquet", "--site", "yard", *server.arguments()]) == 0
    assert "yard.parquet: 1 events" in capsys.readouterr().out


def test_a_stream_without_events_gives_an_empty_file(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "none.parquet"
    assert export.main(["--parquet", str(target), *server.arguments()]) == 0
    assert "0 events" in capsys.readouterr().out
    assert ask(f"SELECT count(*) FROM '{target}'") == [(0,)]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--parquet", "x", "--since", "May"], "--since: expected a time such as"),
        (["--parquet", "/absent/x"], "/absent/x: "),
    ],
)
def test_what_cannot_be_exported_is_one_line(
    server: Server, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export.main([*arguments, *server.arguments()]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert told in error
