"""The page: its files, and what Chromium shows of a real line."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from stages.services.web.page import read_assets
from stages.services.web.tokens import load_tokens
from tests.browser import COMMAND, Browser
from tests.clips import make_clip
from tests.stages.services.web.web_line import ABSENT, WebLine

MOST_BYTES = 150_000
ASSETS = read_assets()
PAGE = ASSETS["index.html"].decode()

in_a_browser = pytest.mark.skipif(COMMAND is None, reason="no Chromium")


def test_the_page_is_light_and_whole() -> None:
    assert sum(map(len, ASSETS.values())) < MOST_BYTES
    named = set(re.findall(r'(?:href|src)="/assets/([^"]+)"', PAGE))
    for name, content in ASSETS.items():
        if name.endswith(".js"):
            named |= set(re.findall(r'from "\./([^"]+)"', content.decode()))
    assert named == ASSETS.keys() - {"index.html"}


def test_the_page_needs_nothing_from_elsewhere_and_nothing_that_its_policy_forbids() -> None:
    for name, content in ASSETS.items():
        text = content.decode().replace("http://www.w3.org/2000/svg", "")
        assert "//cdn" not in text
        assert "http://" not in text, name
        assert "https://" not in text, name
    assert not re.search(r"\son\w+=|\sstyle=|<style|<script(?![^>]* src=)", PAGE)


class Labels(HTMLParser):
    """What a screen reader has to say of buttons, fields and pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: set[str] = set()
        self.labelled: set[str] = set()
        self.pictures_without = 0
        self.languages: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "input":
            self.fields.add(given.get("id") or "")
        elif tag == "label":
            self.labelled.add(given.get("for") or "")
        elif tag == "img" and "alt" not in given:
            self.pictures_without += 1
        elif tag == "html":
            self.languages.append(given.get("lang"))


def test_the_page_can_be_read_aloud() -> None:
    labels = Labels()
    labels.feed(PAGE)
    assert labels.fields == labels.labelled == {"token"}
    assert labels.pictures_without == 0
    assert labels.languages == ["en"]


@pytest.fixture(scope="module")
def web(folder: Path) -> Iterator[WebLine]:
    clip = make_clip(folder / "clip.avi", 64, (320, 240))
    sources: list[dict[str, object]] = [
        {"name": "street", "uri": str(clip), "loop": True, "realtime": True},
        {"name": "yard", "uri": ABSENT},
    ]
    web = WebLine(folder / "line", sources, token_file=str(folder / "token"))
    try:
        web.wait()
        yield web
    finally:
        web.line.end()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as browser:
        yield browser


COUNT_CHIPS = "[...document.querySelectorAll('.objects li')].map((chip) => chip.textContent)"
LUMA_AND_COLOURS = """(() => {
  const image = document.querySelector('.picture img');
  const canvas = document.createElement('canvas');
  canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
  const context = canvas.getContext('2d');
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  let sum = 0, coloured = 0;
  for (let i = 0; i < data.length; i += 4) {
    sum += data[i + 1];
    const channels = data.slice(i, i + 3);
    if (Math.max(...channels) - Math.min(...channels) > 90) coloured += 1;
  }
  return [sum / (data.length / 4), coloured];
})()"""
HAS_PICTURE = "document.querySelector('.picture img').naturalWidth > 0"


@in_a_browser
def test_a_browser_shows_the_line_after_it_was_given_the_token(
    web: WebLine, folder: Path, browser: Browser
) -> None:
    browser.visit(f"http://{web.host}/")
    browser.wait_for("!document.getElementById('access').hidden", "the token is asked for")
    browser.visit(f"http://{web.host}/#token={load_tokens(folder / 'token').read}")
    browser.wait_for("document.querySelectorAll('.card').length == 2", "there are both cameras")
    browser.wait_for(HAS_PICTURE, "there is a picture")
    assert browser.evaluate("location.hash") == "", "the token is not left in the address"
    luma, coloured = browser.evaluate(LUMA_AND_COLOURS)
    assert 60 < luma < 255, "not black"
    assert coloured > 50, "boxes"
    browser.wait_for(f"{COUNT_CHIPS}.length > 0", "objects come over the WebSocket")
    numbers = [int(text.split()[0]) for text in browser.evaluate(COUNT_CHIPS)]
    assert sum(numbers) == 2, "as the model always says"
    assert browser.evaluate("document.getElementById('summary').textContent").startswith("1 of 2")
    browser.wait_for("document.querySelectorAll('#processes tr').length > 5", "processes")


@in_a_browser
def test_pictures_go_on_pause_and_lose_their_boxes(web: WebLine, browser: Browser) -> None:
    source = "document.querySelector('.picture img').src"
    first = browser.evaluate(source)
    browser.wait_for(f"{source} != {first!r}", "the picture changes")
    browser.evaluate("document.getElementById('boxes').click()")
    browser.wait_for(f"{LUMA_AND_COLOURS}[1] == 0", "the boxes are gone")
    browser.evaluate("document.getElementById('pause').click()")
    assert browser.evaluate("document.getElementById('pause').ariaPressed") == "true"
    browser.evaluate("new Promise((resolve) => setTimeout(resolve, 1000))")
    held = browser.evaluate(source)
    browser.evaluate("new Promise((resolve) => setTimeout(resolve, 1500))")
    assert browser.evaluate(source) == held
    browser.evaluate("document.getElementById('pause').click()")
    browser.wait_for(f"{source} != {held!r}", "the picture changes again")


@in_a_browser
def test_the_page_goes_on_when_the_service_was_killed(web: WebLine, browser: Browser) -> None:
    web.line.kill_running("web")
    browser.wait_for("document.getElementById('trouble').hidden", "it answers again")
    source = "document.querySelector('.picture img').src"
    held = browser.evaluate(source)
    browser.wait_for(f"{source} != {held!r}", "the picture changes again")


@in_a_browser
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_the_page_is_as_wide_as_the_screen(web: WebLine, browser: Browser, width: int) -> None:
    browser.resize(width, 800)
    browser.call("Page.reload")
    browser.wait_for("document.querySelectorAll('#processes tr').length > 5", "it is loaded")
    assert browser.evaluate("document.documentElement.scrollWidth") <= width


@in_a_browser
def test_a_browser_had_nothing_to_complain_of(web: WebLine, browser: Browser) -> None:
    """But for the answer without a token, and the service that was killed."""
    expected = ("status of 401", "status of 503", "net::ERR_")
    assert [text for text in browser.complaints if not any(word in text for word in expected)] == []
