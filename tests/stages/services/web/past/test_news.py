"""Clips that come while a day is open: asked for once, and not after the page has turned away."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser import COMMAND, Browser
from tests.stages.services.web.page_modules import ask, serve_modules

pytestmark = pytest.mark.skipif(COMMAND is None, reason="no Chromium")

# A day whose line has one more clip each time that it is asked; seconds are hundredths here.
BEGIN = """
  document.body.innerHTML = `<section><input type="date"><input type="range" max="1439">
    <svg class="bars"></svg><p class="hours"></p><p class="none"></p><video class="film"></video>
    <ul class="clips"></ul>
  </section>`;
  const wait = (globalThis.unhurried ??= globalThis.setTimeout);
  globalThis.setTimeout = (act, ms) => wait(act, ms / 100);
  const clip = {
    begin_unix_ns: 0, end_unix_ns: 1e9, file: '', thumbnail: 'data:,', why: 'visits', labels: [],
  };
  let clips = 0;
  const access = {
    ticket: async () => '',
    fetch: async () => {
      clips += 1;
      const told = {
        continuous: [], clips: Array(clips).fill(clip), events: Array(24).fill(0),
        begin_unix_ns: 0, end_unix_ns: 864e11,
      };
      return { ok: true, json: async () => told };
    },
  };
  const past = new m.Past(document.querySelector('section'), access);
  const shown = () => document.querySelectorAll('.clips li').length;
  const pause = (ms) => new Promise((done) => wait(done, ms));
  past.open('gate');
  await pause(100);
"""


@pytest.fixture(scope="module")
def modules() -> Iterator[Browser]:
    with Browser() as browser, serve_modules(browser) as page:
        yield page


def shown(modules: Browser, script: str) -> Any:
    """How many clips were shown at first, and after all that was done then."""
    body = f"(async () => {{ {BEGIN} const first = shown(); {script} return [first, shown()]; }})()"
    return ask(modules, "cards/past.js", body)


def test_what_has_happened_is_asked_for_once(modules: Browser) -> None:
    heard = "for (let i = 0; i < 5; i += 1) past.hear({ camera: 'gate' });"
    assert shown(modules, f"{heard} await pause(1000);") == [1, 2]


def test_what_happens_elsewhere_is_not(modules: Browser) -> None:
    assert shown(modules, "past.hear({ camera: 'yard' }); await pause(1000);") == [1, 1]
    assert shown(modules, "past.hear({ camera: 'gate' }); past.close(); await pause(1000);") == [
        1,
        1,
    ]
