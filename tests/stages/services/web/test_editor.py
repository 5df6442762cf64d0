"""Zones and lines drawn with a mouse and with keys, in Chromium: what arrives in the file."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from stages.services.web.tokens import load_tokens
from tests.browser import COMMAND, Browser
from tests.clips import make_clip
from tests.running_line import wait_until
from tests.stages.services.web.web_line import WebLine

pytestmark = pytest.mark.skipif(COMMAND is None, reason="no Chromium")

ZONES = "/api/v1/cameras/street/zones"
YARD = [[0.1, 0.1], [0.5, 0.1], [0.5, 0.5]]
CHOSEN = "document.querySelector('.shapes [aria-pressed=true]')?.textContent"
DRAFT = "document.querySelectorAll('.shapes button').length"
CODES = {"Delete": 46, "Insert": 45, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39,
         "ArrowDown": 40, "Tab": 9, "Enter": 13, "Escape": 27, "z": 90}  # fmt: skip


class Edited(WebLine):
    """A line with one zone, its file, and tokens."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "line.yaml"
        clip = make_clip(folder / "clip.avi", 32, (320, 240))
        self.file.write_text(
            f"sources:\n  - name: street\n    uri: {clip}\n    loop: true\n    realtime: true\n"
            f"    fps: 3  # enough\n    track: true\n    zones:\n      yard: {{polygon: {YARD}}}\n"
        )
        super().__init__(folder / "line", [], file=self.file, token_file=str(folder / "token"))
        wait_until((folder / "token").exists, "there are tokens")
        self.tokens = load_tokens(folder / "token")

    def send(self, method: str, content: Any = None) -> Mapping[str, Any]:
        """Zones and lines, by another program."""
        headers = {"Authorization": f"Bearer {self.tokens.write}", "If-Match": "*"}
        headers |= {"Content-Type": "application/json"} if content else {}
        answer = self.ask(ZONES, method, headers, msgspec.json.encode(content) if content else None)
        assert answer.status == 200, answer.body
        found: Mapping[str, Any] = answer.json()
        return found

    def written(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = yaml.safe_load(self.file.read_text())["sources"][0]
        return found


@pytest.fixture(scope="module")
def web(folder: Path) -> Iterator[Edited]:
    with Edited(folder) as web:
        web.wait()
        yield web


@pytest.fixture(scope="module")
def page(web: Edited, browser: Browser) -> Browser:
    browser.resize(1000, 800)
    browser.visit(f"http://{web.host}/#token={web.tokens.read}&camera=street&edit=1")
    browser.wait_for(f"{DRAFT} == 1", "the zone is there to be edited")
    browser.wait_for("document.querySelector('.board .still').width == 320", "there is a picture")
    return browser


def mouse(page: Browser, kind: str, place: Sequence[float]) -> None:
    """At a place in shares of the picture."""
    left, top, width, height = page.evaluate("""(() => {
      const box = document.querySelector('.board svg').getBoundingClientRect();
      return [box.left, box.top, box.width, box.height];
    })()""")
    x, y = left + place[0] * width, top + place[1] * height
    page.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)


def click(page: Browser, place: Sequence[float]) -> None:
    mouse(page, "mousePressed", place)
    mouse(page, "mouseReleased", place)


def drag(page: Browser, start: Sequence[float], end: Sequence[float]) -> None:
    mouse(page, "mousePressed", start)
    mouse(page, "mouseMoved", end)
    mouse(page, "mouseReleased", end)


def press(page: Browser, key: str, modifiers: int = 0) -> None:
    """A key where the focus is; modifiers: 2 is Ctrl, 8 is Shift."""
    said = {"key": key, "windowsVirtualKeyCode": CODES[key], "modifiers": modifiers}
    page.call("Input.dispatchKeyEvent", type="keyDown", **said)
    page.call("Input.dispatchKeyEvent", type="keyUp", **said)


def act(page: Browser, name: str) -> None:
    """Press a button with the mouse."""
    left, top = page.evaluate(f"""(() => {{
      const button = document.querySelector('#editor [data-do={name}]');
      button.scrollIntoView();
      const box = button.getBoundingClientRect();
      return [box.left + 5, box.top + 5];
    }})()""")
    for kind in ("mousePressed", "mouseReleased"):
        page.call("Input.dispatchMouseEvent", type=kind, x=left, y=top, button="left", clickCount=1)
    page.evaluate("scrollTo(0, 0)")


def fill(page: Browser, field: str, text: str) -> None:
    page.evaluate(f"""(() => {{
      const field = document.getElementById('{field}');
      field.value = {msgspec.json.encode(text).decode()};
      field.dispatchEvent(new Event(field.tagName === 'SELECT' ? 'change' : 'input'));
    }})()""")


def save(page: Browser) -> str:
    """Review and apply; returns what would change, as the page says it."""
    act(page, "review")
    page.wait_for("!document.querySelector('.saving .plan').hidden", "it is planned")
    changes: str = page.evaluate("document.querySelector('.changes').innerText")
    act(page, "apply")
    page.wait_for("document.querySelector('.told').textContent.startsWith('In force')", "applied")
    return changes


def test_a_zone_drawn_with_the_mouse_arrives(web: Edited, page: Browser) -> None:
    """In force and in the file, after the page was given the token for it."""
    act(page, "zone")
    corners = [[0.6, 0.6], [0.9, 0.6], [0.9, 0.9], [0.6, 0.9]]
    for corner in [*corners, corners[0]]:
        click(page, corner)
    page.wait_for(f"{CHOSEN} == 'zone-1'", "it is closed, and chosen")
    drag(page, [0.9, 0.9], [0.8, 0.95])
    fill(page, "field-name", "door")
    fill(page, "field-dwell_s", "12")
    act(page, "review")
    page.wait_for("!document.querySelector('.saving .token').hidden", "the token is asked for")
    fill(page, "write-token", web.tokens.write)
    page.evaluate("document.querySelector('.saving .token button').click()")
    page.wait_for("!document.querySelector('.saving .plan').hidden", "it is planned")
    assert "zones.door" in page.evaluate("document.querySelector('.changes').innerText")
    assert web.written()["zones"].keys() == {"yard"}, "nothing has changed yet"
    act(page, "apply")
    page.wait_for(
        "document.querySelector('.told').textContent == 'In force now, and in the file.'", "applied"
    )
    door = web.written()["zones"]["door"]
    expected = [[0.6, 0.6], [0.9, 0.6], [0.8, 0.95], [0.6, 0.9]]
    for point, wanted in zip(door["polygon"], expected, strict=True):
        assert point == pytest.approx(wanted, abs=0.005)
    assert door["dwell_s"] == 12
    assert web.send("GET")["zones"]["door"]["polygon"] == door["polygon"]
    assert "# enough" in web.file.read_text(), "comments stay"
    assert web.written()["zones"]["yard"]["polygon"] == YARD


def test_a_line_has_a_direction_and_names(web: Edited, page: Browser) -> None:
    act(page, "line")
    click(page, [0.2, 0.8])
    click(page, [0.4, 0.8])
    page.wait_for(f"{CHOSEN} == 'line-1'", "two points make a line")
    fill(page, "field-a_to_b", "down")
    fill(page, "field-b_to_a", "up")
    page.evaluate("[...document.querySelectorAll('.keys button')].at(-1).click()")  # swap
    save(page)
    line = web.written()["lines"]["line-1"]
    assert line["from"] == pytest.approx([0.4, 0.8], abs=0.005)
    assert line["to"] == pytest.approx([0.2, 0.8], abs=0.005)
    assert (line["a_to_b"], line["b_to_a"]) == ("down", "up")


def test_keys_do_what_the_mouse_does(web: Edited, page: Browser) -> None:
    """Focus a zone, walk its points with Tab, move, insert, take away, undo."""
    page.evaluate("document.querySelector('.shape').focus()")
    press(page, "Enter")
    page.wait_for(f"{CHOSEN} == 'yard'", "it is chosen")
    focus = "document.activeElement.getAttribute('aria-label')"
    assert page.evaluate(focus).startswith("yard, point 1 of 3: 10.0 % from the left")
    press(page, "Tab")
    assert page.evaluate(focus).startswith("yard, point 2 of 3: 50.0 % from the left")
    press(page, "ArrowRight")
    press(page, "ArrowDown", 8)
    assert page.evaluate(focus) == ("yard, point 2 of 3: 50.5 % from the left, 15.0 % from the top")
    press(page, "Insert")
    assert page.evaluate(focus).startswith("yard, point 3 of 4")
    press(page, "Delete")
    press(page, "Delete")
    assert page.evaluate(focus).startswith("yard, point 3 of 3"), "a zone keeps three points"
    press(page, "z", 2)
    assert page.evaluate("document.querySelectorAll('.corner').length") == 4
    page.evaluate("document.querySelector('[data-do=redo]').click()")
    assert page.evaluate("document.querySelectorAll('.corner').length") == 3
    changes = save(page)
    assert "zones.yard.polygon" in changes
    assert web.written()["zones"]["yard"]["polygon"] == [[0.1, 0.1], [0.505, 0.15], [0.5, 0.5]]


def test_what_is_wrong_is_said_beside_its_field(web: Edited, page: Browser) -> None:
    page.evaluate("document.querySelector('.shapes .zone').click()")
    fill(page, "field-min_score", "7")
    act(page, "review")
    page.wait_for("document.querySelector('#mistake-min_score') !== null", "the mistake is told")
    assert "1" in page.evaluate("document.querySelector('#mistake-min_score').textContent")
    described = "document.getElementById('field-min_score').getAttribute('aria-describedby')"
    assert page.evaluate(described) == "mistake-min_score"
    page.evaluate("document.querySelector('[data-do=undo]').click()")
    assert web.send("GET")["zones"]["yard"]["min_score"] == 0


def test_a_zone_for_those_that_move_is_made_with_the_form(web: Edited, page: Browser) -> None:
    page.evaluate("document.querySelector('.shapes .zone').click()")
    fill(page, "field-min_travel", "1.5")
    assert "zones.yard.min_travel" in save(page)
    assert web.written()["zones"]["yard"]["min_travel"] == 1.5


def test_what_somebody_else_has_saved_is_not_written_over(web: Edited, page: Browser) -> None:
    page.evaluate("document.querySelector('.shapes .zone').click()")
    fill(page, "field-dwell_s", "30")
    theirs = {"polygon": YARD, "dwell_s": 5}
    web.send("PUT", {"zones": {"theirs": theirs}})
    act(page, "review")
    page.wait_for("!document.querySelector('.saving .stale').hidden", "it is told")
    assert web.written()["zones"].keys() == {"theirs"}
    act(page, "mine")
    page.wait_for("!document.querySelector('.saving .plan').hidden", "mine beside theirs")
    assert "zones.theirs" in page.evaluate("document.querySelector('.changes').innerText")
    act(page, "back")
    web.send("PUT", {"zones": {"theirs": {**theirs, "dwell_s": 6}}})
    act(page, "review")
    page.wait_for("!document.querySelector('.saving .stale').hidden", "it is told again")
    act(page, "theirs")
    page.wait_for("document.querySelector('.shapes .zone').textContent == 'theirs'", "read again")
    assert page.evaluate("document.querySelector('[data-do=review]').disabled")


def test_the_editor_fits_a_telephone(page: Browser) -> None:
    page.resize(390, 800)
    page.wait_for("innerWidth == 390", "the screen is narrow")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.evaluate("document.querySelector('.shapes .zone').click()")
    reach = page.evaluate("document.querySelector('.corner .reach').getBoundingClientRect().width")
    assert reach >= 24, "a finger finds it"


def test_a_browser_had_nothing_to_complain_of(page: Browser) -> None:
    """But for the answers that said no."""
    expected = ("status of 403", "status of 404", "status of 422")
    assert [text for text in page.complaints if not any(word in text for word in expected)] == []
