"""Results that come later than the video: it waits for them, or says that they are too late."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import COMMAND, Browser
from tests.stages.services.web.page_modules import ask, serve_modules
from tests.stages.services.web.test_video import film_source
from tests.stages.services.web.web_line import WebLine

pytestmark = pytest.mark.skipif(COMMAND is None, reason="no Chromium")

STAGE = "document.querySelector('.picture')"
SOURCE = f"{STAGE}.querySelector('.source').textContent"
# Messages, not the video, come so much later than they were sent.
DELAY = """
  globalThis.lateMs = 0;
  const Plain = WebSocket;
  globalThis.WebSocket = class extends Plain {
    set onmessage(hear) {
      const isLate = this.url.includes('/stream');
      super.onmessage = isLate ? (event) => setTimeout(hear, lateMs, event) : hear;
    }
  };
"""


# Of the module alone ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def modules() -> Iterator[Browser]:
    with Browser() as browser, serve_modules(browser) as page:
        yield page


def hear(modules: Browser, heard: list[tuple[int, float, int]]) -> Any:
    """(epoch, how much later than the newest picture, when), one result each 100 ms of film."""
    script = f"""(() => {{
      const lateness = new m.Lateness();
      {json.dumps(heard)}.forEach(([epoch, delayS, ms], i) => {{
        const message = {{ run: 'r', epoch, pts_ns: i * 1e8 }};
        lateness.hear(message, i * 1e8 + delayS * 1e9, ms);
      }});
      return [lateness.delayS, lateness.heldS, lateness.isTooLate];
    }})()"""
    return ask(modules, "picture/lateness.js", script)


def test_results_in_time_hold_nothing_up(modules: Browser) -> None:
    assert hear(modules, []) == [0, 0, False]
    assert hear(modules, [(1, -0.02, 100 * i) for i in range(50)]) == [0, 0, False]


def test_what_is_late_is_waited_for(modules: Browser) -> None:
    late, held, too_late = hear(modules, [(1, 1.2, 100 * i) for i in range(50)])
    assert late == held == pytest.approx(1.2)
    assert not too_late


def test_what_is_too_late_is_not_waited_for(modules: Browser) -> None:
    late, held, too_late = hear(modules, [(1, 4, 100 * i) for i in range(50)])
    assert (late, held, too_late) == (pytest.approx(4), 0, True)


def test_one_that_is_late_alone_holds_nothing_up(modules: Browser) -> None:
    once = [(1, 3.0 if i == 30 else 0.0, 100 * i) for i in range(50)]
    assert hear(modules, once)[0] == pytest.approx(0)


def test_what_was_late_is_forgotten(modules: Browser) -> None:
    """After some seconds, or with another connection of the camera."""
    late = [(1, 1.5, 100 * i) for i in range(20)]
    assert hear(modules, [*late, *((1, 0.0, 8000 + 100 * i) for i in range(20))])[0] == 0
    assert hear(modules, [*late, (2, 0.0, 2100), (2, 0.0, 2200)])[0] == pytest.approx(0)
    assert hear(modules, [*late, (1, 1e6, 2100)])[0] == pytest.approx(1.5), "another clock"


# Of a line ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def page(folder: Path, browser: Browser) -> Iterator[Browser]:
    with WebLine(folder / "line", [film_source(folder)]) as web:
        web.wait_for_results("street")
        browser.call("Page.addScriptToEvaluateOnNewDocument", source=DELAY)
        browser.resize(1280, 900)
        browser.visit(f"http://{web.host}/#camera=street")
        browser.wait_for(f"{STAGE}.classList.contains('film')", "the video plays")
        yield browser


def test_a_video_waits_for_its_results(page: Browser) -> None:
    page.evaluate("lateMs = 800")
    page.wait_for(f"{SOURCE}.includes('s behind, as results come late')", "it is said")
    after = f"Number({STAGE}.dataset.afterMs)"
    page.wait_for(
        f"{STAGE}.dataset.frame !== '' && {after} < 300", "the result of what is shown is there"
    )


def test_a_video_goes_on_without_results_that_are_too_late(page: Browser) -> None:
    page.evaluate("lateMs = 6000")
    page.wait_for(f"{SOURCE}.includes('too late for boxes')", "it is said")
    assert page.evaluate(f"{STAGE}.classList.contains('film')")
    page.wait_for(f"{STAGE}.dataset.frame === ''", "no box lies where nothing is")


def test_who_wants_no_boxes_waits_for_nothing(page: Browser) -> None:
    for name in ("boxes", "trails"):
        page.evaluate(f"document.getElementById('{name}').click()")
    page.wait_for(f"{SOURCE} === 'Video'", "it is as early as it can be")
