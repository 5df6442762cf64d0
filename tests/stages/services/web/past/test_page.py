"""Recordings on the page: a day of a camera, and a clip that plays."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.services.web.tokens import load_tokens
from tests.browser import COMMAND, Browser
from tests.stages.services.web.past.test_recordings import STREET, fill
from tests.stages.services.web.web_line import WebLine

pytestmark = pytest.mark.skipif(COMMAND is None, reason="no Chromium")


@pytest.fixture(scope="module")
def web(folder: Path) -> Iterator[WebLine]:
    fill(folder / "record", folder / "run")
    kept = f"record.folder={folder}/record"
    with WebLine(folder / "line", [STREET], kept, token_file=str(folder / "token")) as web:
        web.wait()
        yield web


def test_a_clip_is_found_and_plays(web: WebLine, folder: Path, browser: Browser) -> None:
    """With a token, which pictures and films cannot carry: they have a ticket."""
    token = load_tokens(folder / "token").read
    browser.visit(f"http://{web.host}/#token={token}&camera=gate")
    browser.wait_for("document.querySelectorAll('.clips button').length == 1", "the clip is there")
    row = browser.evaluate("document.querySelector('.clips button').textContent")
    assert row.endswith("visits: person")
    assert browser.evaluate("document.querySelectorAll('.bars .recorded').length") > 0
    assert "1 clip, 1 event" in browser.evaluate("document.querySelector('.bars').ariaLabel")
    browser.wait_for("document.querySelector('.clips img').naturalWidth > 0", "a thumbnail")
    browser.evaluate("document.querySelector('#past .film').muted = true")  # nobody has clicked
    browser.evaluate("document.querySelector('.clips button').click()")
    browser.wait_for("document.querySelector('#past .film').currentTime > 0.2", "it plays")
    browser.evaluate("document.querySelector('.shrink').click()")
    browser.wait_for("document.getElementById('past').hidden", "it is of one camera alone")
    assert browser.evaluate("document.querySelector('#past .film').paused")


def test_what_happened_before_the_page_was_opened_is_told(browser: Browser) -> None:
    browser.wait_for("document.querySelectorAll('#events li').length > 0", "the event of the clip")
    assert browser.complaints == []
