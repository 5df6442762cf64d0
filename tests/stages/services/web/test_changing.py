"""Cameras are added and removed on the page, in Chromium."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import yaml

from stages.services.web.tokens import load_tokens
from tests.browser import COMMAND, Browser
from tests.clips import make_clip
from tests.stages.services.web.web_line import WebLine

pytestmark = pytest.mark.skipif(COMMAND is None, reason="no Chromium")

CARDS = "[...document.querySelectorAll('.card h2')].map((each) => each.textContent).join()"
OPEN = "document.getElementById('changing').open"
TOLD = "document.querySelector('#changing .told').textContent"


class Growing(WebLine):
    """A line with one camera, a file, and tokens."""

    def __init__(self, folder: Path) -> None:
        self.clip = make_clip(folder / "clip.avi", 32, (320, 240))
        self.file = folder / "line.yaml"
        source = {"name": "gate", "uri": str(self.clip), "loop": True, "realtime": True}
        self.file.write_text(
            f"# One camera.\nsources:\n  - {msgspec.json.encode(source).decode()}\n"
        )
        self.token_file = folder / "token"
        super().__init__(folder / "line", [], file=self.file, token_file=str(self.token_file))
        self.wait()

    def written(self) -> list[str]:
        return [each["name"] for each in yaml.safe_load(self.file.read_text())["sources"]]


@pytest.fixture(scope="module")
def web(folder: Path) -> Iterator[Growing]:
    with Growing(folder) as web:
        yield web


@pytest.fixture(scope="module")
def page(web: Growing, browser: Browser) -> Browser:
    browser.resize(1000, 800)
    browser.visit(f"http://{web.host}/#token={load_tokens(web.token_file).read}")
    browser.wait_for(f"{CARDS} === 'gate'", "the camera is there")
    return browser


def fill(page: Browser, uri: object, name: str) -> None:
    for field, text in (("uri", str(uri)), ("name", name)):
        quoted = msgspec.json.encode(text).decode()
        page.evaluate(f"document.getElementById('camera-{field}').value = {quoted}")


def press(page: Browser, selector: str) -> None:
    page.evaluate(f"document.querySelector('{selector}').click()")


def test_a_camera_is_added_with_the_token_for_it(web: Growing, page: Browser) -> None:
    press(page, "#more button")
    fill(page, web.clip, "yard")
    press(page, "#changing .act")
    page.wait_for("!document.querySelector('#changing .token').hidden", "the token is asked for")
    assert page.evaluate("document.activeElement.id") == "camera-token"
    token = load_tokens(web.token_file).write
    page.evaluate(f"document.getElementById('camera-token').value = '{token}'")
    press(page, "#changing .act")
    page.wait_for(f"{CARDS} === 'gate,yard'", "it is there")
    page.wait_for(f"!{OPEN}", "the answer is there, too, which may come after the line has told")
    told = "document.querySelector('#more span').textContent"
    page.wait_for(f"{told} === 'yard added.'", "it is said")
    assert web.written() == ["gate", "yard"]
    assert "# One camera." in web.file.read_text()
    width = "document.querySelectorAll('.picture .still')[1].width"
    page.wait_for(f"{width} === 320", "a picture of it is shown")


def test_what_is_wrong_is_said_beside_the_field(web: Growing, page: Browser) -> None:
    press(page, "#more button")
    fill(page, web.clip, "the yard")
    press(page, "#changing .act")
    page.wait_for("document.getElementById('camera-name').ariaInvalid === 'true'", "it is marked")
    assert page.evaluate(TOLD).startswith("name: ")
    fill(page, web.clip, "yard")
    press(page, "#changing .act")
    page.wait_for(f"{TOLD}.includes('there is a camera')", "the name is taken")
    press(page, "#changing .cancel")
    assert not page.evaluate(OPEN)
    assert web.written() == ["gate", "yard"]


def test_a_camera_is_removed_after_a_question(web: Growing, page: Browser) -> None:
    page.evaluate("location.hash = 'camera=yard'")
    page.wait_for("document.body.classList.contains('single')", "it is seen alone")
    press(page, ".large .remove")
    assert page.evaluate("document.querySelector('#changing .title').textContent") == "Remove yard?"
    press(page, "#changing .cancel")
    assert web.written() == ["gate", "yard"]
    press(page, ".large .remove")
    press(page, "#changing .act")
    page.wait_for(f"{CARDS} === 'gate'", "it is gone")
    page.wait_for("!document.body.classList.contains('single')", "the others are seen")
    assert web.written() == ["gate"]


def test_the_dialog_fits_a_telephone(page: Browser) -> None:
    page.resize(360, 640)
    press(page, "#more button")
    right = page.evaluate("document.getElementById('changing').getBoundingClientRect().right")
    assert right <= 360
    press(page, "#changing .cancel")


def test_a_browser_had_nothing_to_complain_of(page: Browser) -> None:
    """But for the answers that said no, and for the video of the camera that was removed."""
    expected = ("status of 403", "status of 404", "status of 409", "status of 422",
                "status of 503", "/cameras/yard/video")  # fmt: skip
    assert [text for text in page.complaints if not any(word in text for word in expected)] == []
