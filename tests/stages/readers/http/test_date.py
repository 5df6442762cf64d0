"""The clock of a web server, as its answers tell it."""

import pytest

from stages.readers.http.date import ask_date
from tests.running_line import PATIENCE_S
from tests.stages.readers.http.server import WebServer, serving


@pytest.mark.parametrize("ahead_s", [0.0, -7200.0, 4000.0])
def test_the_date_of_an_answer_tells_how_far_the_clock_is_ahead(ahead_s: float) -> None:
    with serving(WebServer(ahead_s)) as server:
        reading = ask_date(server.page, PATIENCE_S)
    assert reading is not None
    assert reading.by == "HTTP"
    assert abs(reading.ahead_s - ahead_s) <= reading.within_s
    assert [request[0] for request in server.requests] == ["HEAD"]


def test_a_date_without_a_zone_is_of_utc() -> None:
    with serving(WebServer(date="Thu, 01 Jan 1970 00:10:00 -0000")) as server:
        reading = ask_date(server.page, PATIENCE_S)
    assert reading is not None
    assert reading.ahead_s < -56 * 365 * 86_400


@pytest.mark.parametrize(
    ("date", "others"),
    [
        ("", {}),
        ("yesterday", {}),
        ("Thu, 99 Foo 10000 00:10:00 GMT", {}),
        (None, {"Age": "86400"}),
    ],
    ids=["none", "a word", "no day", "of a cache"],
)
def test_a_server_without_a_date_has_no_clock(date: str | None, others: dict[str, str]) -> None:
    with serving(WebServer(date=date, others=others)) as server:
        assert ask_date(server.page, PATIENCE_S) is None


def test_a_server_that_is_not_there_has_no_clock() -> None:
    server = WebServer()
    page = server.page
    server.server_close()
    assert ask_date(page, PATIENCE_S) is None
