"""Events of the past, asked of a real line whose drawn street crosses a counting line."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from stages.services.archive.layout import iso_utc
from stages.services.archive.listing import MOST
from tests.running_line import wait_until
from tests.stages.services.web.web_line import Answer, WebLine

EVENTS = "/api/v1/events"
STREET: dict[str, object] = {
    "name": "street",
    "uri": "scene://street?seed=7&width=320&height=240",
    "lines": {"middle": {"from": [0.5, 1], "to": [0.5, 0]}},
    "track": True,
}


def line_in(folder: Path) -> WebLine:
    model = "models/zoo/thundernet-snet49-street11.onnx"
    return WebLine(folder / "line", [STREET], f"model={model}", f"record.folder={folder}/record")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="line-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def web(folder: Path) -> Iterator[WebLine]:
    web = line_in(folder)
    try:
        web.wait_for_results("street")
        wait_until(lambda: len(ask(web, "limit=5")["events"]) == 5, "there are five events")
        yield web
    finally:
        web.line.end()


def ask(web: WebLine, query: str) -> dict[str, list[dict[str, object]]]:
    answer = web.ask(f"{EVENTS}?{query}")
    if answer.status == 503:  # the recorder has not begun
        return {"events": []}
    assert answer.status == 200, answer.body
    found: dict[str, list[dict[str, object]]] = answer.json()
    return found


def refusal(web: WebLine, query: str) -> Answer:
    return web.ask(f"{EVENTS}?{query}")


def test_pages_follow_one_another_without_a_gap(web: WebLine) -> None:
    newest = ask(web, "limit=1")["events"][0]
    until = f"to={quote(iso_utc(int(str(newest['captured_unix_ns'])) + 1000))}"
    together = ask(web, f"limit=4&{until}")["events"]
    first = ask(web, f"limit=2&{until}")
    second = ask(web, f"limit=2&{until}&cursor={first['next']}")
    assert first["events"] + second["events"] == together
    times = [int(str(event["captured_unix_ns"])) for event in together]
    assert times == sorted(times, reverse=True)


def test_one_kind_of_one_camera_and_nothing_of_others(web: WebLine) -> None:
    found = ask(web, "kind=track_begin&camera=street")["events"]
    assert found
    assert {event["kind"] for event in found} == {"track_begin"}
    assert ask(web, "camera=elsewhere")["events"] == []
    assert ask(web, "to=2026-01-01T00:00:00Z")["events"] == []
    assert ask(web, "from=1767225600&limit=1")["events"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("from=yesterday", "with its offset"),
        ("to=2026-11-30T12:00:00", "with its offset"),  # of which place?
        ("from=nan", "UNIX seconds"),
        ("from=99999999999999999999", "UNIX seconds"),
        ("from=0001-01-01T00:00:00%2B14:00", "UNIX seconds"),
        ("to=9999-12-31T23:00:00-14:00", "UNIX seconds"),
        ("from=1767225601&to=1767225600", "a time after 2026-01-01T00:00:01"),
        ("from=1767225600&to=1767225600", "a time after"),
        ("kind=explosion", "expected one of track_begin"),
        ("limit=0", f"1 to {MOST}"),
        ("limit=1e9", f"1 to {MOST}"),
        ("limit=00000000019999", f"1 to {MOST}"),
        (f"limit={'9' * 5000}", f"1 to {MOST}"),
        ("cursor=abc", "expected `next`"),
        ("cursor=99999999999999999999999999-1", "expected `next`"),
    ],
)
def test_what_cannot_be_asked_is_refused(web: WebLine, query: str, expected: str) -> None:
    answer = refusal(web, query)
    assert answer.status == 400
    assert expected in answer.json()["detail"]


def test_events_outlive_the_recorder_and_the_line(web: WebLine, folder: Path) -> None:
    """Runs last: the line of this file ends."""
    web.line.kill_running("recorder")
    before = ask(web, "limit=1000")["events"]
    wait_until(lambda: len(ask(web, "limit=1000")["events"]) > len(before), "more events are kept")
    web.line.end()
    lines = (folder / "record/street").rglob("events.jsonl")
    kept = sum(path.read_bytes().count(b"\n") for path in lines)
    assert kept > len(before)
    (folder / "record/index.sqlite").write_bytes(b"damaged")
    again = line_in(folder)
    try:
        again.wait_for_results("street")
        wait_until(lambda: len(ask(again, "limit=1000")["events"]) >= kept, "all are listed again")
    finally:
        again.line.end()
