"""Recordings on the page: a day of a camera, and a clip that plays."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.services.web.tokens import load_tokens
from tests.browser import COMMAND, Browser
from tests.running_line import wait_until
from tests.stages.services.web.past.test_recordings import STREET, fill
from tests.stages.services.web.web_line import WebLine

pytestmark = pytest.mark.skipif(COMMAND is None, reason="no Chromium")


@pytest.fixture(scope="module")
def web(folder: Path) -> Iterator[WebLine]:
    fill(folder / "record", folder / "run")
    kept = f"record.folder={folder}/record"
    with WebLine(folder / "line", [STREET], kept, token_file=str(folder / "token")) as web:
        web.wait()
        headers = {"Authorization": f"Bearer {load_tokens(folder / 'token').read}"}
        picture = "/cameras/gate/snapshot.jpg"  # 503 until there is one
        wait_until(lambda: web.ask(picture, headers=headers).status == 200, "a picture came")
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


FILM, TIME = "document.querySelector('#past .film')", "document.getElementById('past-at')"
TOLD = "document.querySelector('#past .none').textContent"


def choose(browser: Browser, minute: float) -> None:
    """A time of the day, as somebody with a mouse does who lets go of the slider there."""
    browser.evaluate(f"""(() => {{
      {TIME}.value = {minute};
      for (const kind of ['input', 'change']) {TIME}.dispatchEvent(new Event(kind));
    }})()""")


def test_what_is_recorded_of_a_time_plays(web: WebLine, browser: Browser) -> None:
    browser.evaluate("location.hash = '#camera=gate'")
    browser.wait_for("!document.getElementById('past').hidden", "the day is there")
    bars = browser.evaluate("""
      [...document.querySelectorAll('.bars .recorded')].map((bar) => bar.x.baseVal.value)
    """)
    begin_s = min(bars) / 1440 * 86400
    choose(browser, begin_s // 60)  # it begins in this minute
    browser.wait_for(f"{FILM}.src.includes('#t=') && {FILM}.currentTime > 0", "a film of that time")
    assert browser.evaluate(f"{FILM}.src").endswith("#t=0")
    choose(browser, begin_s // 60 + 1)
    if (begin_s + 34) // 60 > begin_s // 60:  # it goes on in the next one
        browser.wait_for(f"!{FILM}.src.endsWith('#t=0')", "from some seconds on")
    assert "gate~" in browser.evaluate(f"{FILM}.src")
    hour, minute = divmod(browser.evaluate(f"Number({TIME}.value)"), 60)
    assert browser.evaluate(f"{TIME}.ariaValueText") == f"{hour:02}:{minute:02}"
    choose(browser, (begin_s / 60 + 720) % 1440)  # half a day from it
    browser.wait_for(f"{TOLD}.startsWith('Nothing is recorded of ')", "it says so")


def test_a_time_is_chosen_by_keyboard(browser: Browser) -> None:
    browser.evaluate(f"{TIME}.focus()")
    before = browser.evaluate(f"Number({TIME}.value)")
    key = "ArrowLeft" if before else "ArrowRight"
    for kind in ("keyDown", "keyUp"):
        browser.call("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                     windowsVirtualKeyCode=37 if before else 39)  # fmt: skip
    browser.wait_for(f"Math.abs({TIME}.value - {before}) === 1", "a minute")
    browser.evaluate("document.querySelector('.shrink').click()")
    browser.wait_for("document.getElementById('past').hidden", "it is of one camera alone")


def test_what_happened_before_the_page_was_opened_is_told(browser: Browser) -> None:
    browser.wait_for("document.querySelectorAll('#events li').length > 0", "the event of the clip")
    assert browser.complaints == []
