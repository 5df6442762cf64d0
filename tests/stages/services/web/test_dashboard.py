"""The page as Chromium shows it: a drawn street whose every object is known, and the real model."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.client import DetectionMessage
from stages.kernels.drawing.palette import class_colour, track_colour
from stages.scene.options import StreetOptions
from stages.scene.street import Street
from stages.services.web.tokens import load_tokens
from tests.browser import COMMAND, Browser
from tests.running_line import REPOSITORY
from tests.stages.services.web.street_film import overlap
from tests.stages.services.web.web_line import ABSENT, CUT_OFF, SECRET, WebLine

pytestmark = pytest.mark.skipif(COMMAND is None, reason="no Chromium")

MODEL = REPOSITORY / "models/zoo/thundernet-snet49-street11.onnx"
STREET = StreetOptions(seed=5, width=640, height=360, fps=4)
FRAMES = 3  # that are looked at
TOLERANCE = 0.01  # of the picture: half a stroke
FRAME = "document.querySelector('.picture').dataset.frame"
URI = "scene://street?seed=5&width=640&height=360&fps=4"


@pytest.fixture(scope="module")
def web(folder: Path) -> Iterator[WebLine]:
    sources: list[dict[str, object]] = [
        {"name": "street", "uri": URI},
        {"name": "yard", "uri": ABSENT},
    ]
    settings = ("track.enabled=true", "postprocess.score_thresh=0.3")
    token_file = str(folder / "token")
    with WebLine(folder / "line", sources, *settings, model=MODEL, token_file=token_file) as web:
        web.wait()
        yield web


@pytest.fixture(scope="module")
def page(web: WebLine, folder: Path, browser: Browser) -> Browser:
    """The page, after it was given the token."""
    browser.resize(1280, 900)
    browser.call("Page.addScriptToEvaluateOnNewDocument", source=READ)
    browser.visit(f"http://{web.host}/")
    browser.wait_for("!document.getElementById('access').hidden", "the token is asked for")
    browser.visit(f"http://{web.host}/#token={load_tokens(folder / 'token').read}")
    browser.wait_for("document.querySelectorAll('.card').length == 2", "there are both cameras")
    browser.wait_for("document.querySelector('.picture').dataset.frame", "a picture and its result")
    return browser


READ = """
  globalThis.read = (canvas) => {
    const copy = new OffscreenCanvas(canvas.width, canvas.height);
    const context = copy.getContext('2d', { willReadFrequently: true });
    context.drawImage(canvas, 0, 0);
    return context.getImageData(0, 0, canvas.width, canvas.height);
  };
"""


def switch(page: Browser, **wanted: bool) -> None:
    """Press what is not as wanted."""
    for name, pressed in wanted.items():
        button = f"document.getElementById('{name}')"
        if page.evaluate(f"{button}.ariaPressed") != str(pressed).lower():
            page.evaluate(f"{button}.click()")


def look_at_boxes(page: Browser) -> dict[str, Any]:
    """Which frame is shown, and where each colour of the canvas lies, in shares of the canvas.

    Both are read in one turn of the page's loop.
    """
    found: dict[str, Any] = page.evaluate("""(() => {
      const stage = document.querySelector('.picture');
      const { data, width, height } = read(stage.querySelector('.marks'));
      const [boxes, counts] = [{}, {}];
      for (let i = 0; i < data.length; i += 4) {
        if (data[i + 3] < 255) continue;
        const colour = `${data[i]},${data[i + 1]},${data[i + 2]}`;
        const [x, y] = [(i / 4) % width, Math.floor(i / 4 / width)];
        counts[colour] = (counts[colour] ?? 0) + 1;
        const box = (boxes[colour] ??= [x, y, x, y]);
        boxes[colour] = [
          Math.min(box[0], x), Math.min(box[1], y), Math.max(box[2], x), Math.max(box[3], y),
        ];
      }
      for (const colour of Object.keys(boxes)) {
        const [left, top, right, bottom] = boxes[colour];
        boxes[colour] = [left / width, top / height, (right + 1) / width, (bottom + 1) / height];
      }
      return { frame: stage.dataset.frame, boxes, counts };
    })()""")
    return found


def count_marks(page: Browser) -> int:
    """Pixels of the canvas over the picture that anything is drawn in."""
    found: int = page.evaluate("""(() => {
      const { data } = read(document.querySelector('.picture .marks'));
      return data.filter((value, i) => i % 4 === 3 && value > 0).length;
    })()""")
    return found


def test_the_page_shows_the_line(page: Browser) -> None:
    assert page.evaluate("location.hash") == "", "the token is not left in the address"
    luma = page.evaluate("""(() => {
      const { data } = read(document.querySelector('.picture .still'));
      return data.filter((_, i) => i % 4 === 1).reduce((sum, value) => sum + value, 0)
        / (data.length / 4);
    })()""")
    assert 30 < luma < 225, "neither black nor white"
    assert page.evaluate("document.getElementById('summary').textContent").startswith("1 of 2")
    page.wait_for("document.querySelectorAll('#processes tr').length > 5", "processes")
    assert "1 of 2" in page.evaluate("document.getElementById('overview').textContent")
    page.wait_for("!document.getElementById('model').hidden", "the card of the model")
    assert "thundernet-snet49-street11.onnx" in page.evaluate("document.body.textContent")


def test_nothing_moves_when_the_line_is_shown(page: Browser) -> None:
    """Layout shift as browsers measure it: below .1 is good. The last objects pass by."""
    shift = page.evaluate("""new Promise((resolve) => {
      let sum = 0;
      new PerformanceObserver((list) => {
        for (const { value, sources } of list.getEntries()) {
          if (!sources.every(({ node }) => node?.parentElement?.closest('#gallery'))) sum += value;
        }
      }).observe({ type: 'layout-shift', buffered: true });
      setTimeout(() => resolve(sum), 500);
    })""")
    assert shift < 0.1


def test_boxes_lie_on_what_was_found_in_the_frame_that_is_shown(
    web: WebLine, page: Browser
) -> None:
    """And what was found lies on what was drawn."""
    switch(page, boxes=True, labels=False, trails=False, zones=False)
    street, seen, hits = Street(STREET), "", 0
    for _ in range(FRAMES):
        page.wait_for(f"!{json.dumps(['', seen])}.includes({FRAME})", "the next result is drawn")
        looked = look_at_boxes(page)
        seen = looked["frame"]
        frame_id = int(seen.partition("-")[2])
        web.line.wait_for_messages(frame_id + 1)
        message = next(each for each in web.line.messages() if each.frame_id == frame_id)
        expected = outlines(message)
        counts = looked["counts"]
        known = sum(counts[colour] for colour in counts if colour in expected)
        assert known >= 0.8 * sum(counts.values()), "colours mix where strokes cross, nowhere else"
        for colour in expected.keys() & counts.keys():  # a part may be hidden by other boxes
            least, most = looked["boxes"][colour][:2], looked["boxes"][colour][2:]
            assert np.all(np.add(least, TOLERANCE) >= expected[colour][:2])
            assert np.all(np.subtract(most, TOLERANCE) <= expected[colour][2:])
        truth = [each.box_xyxy for each in street.truth(frame_id)]
        hits += sum(
            any(overlap(found.box, box) > 0.5 for box in truth) for found in message.detections
        )
    assert hits


def outlines(message: DetectionMessage) -> dict[str, list[float]]:
    """Around all boxes of a colour, in shares of the picture."""
    found: dict[str, list[float]] = {}
    width, height = message.width, message.height
    for each in message.detections:
        track = each.track_id
        blue, green, red = class_colour(each.class_id) if track is None else track_colour(track)
        colour = f"{red},{green},{blue}"
        box = list(np.divide(each.box, (width, height, width, height)))
        old = found.setdefault(colour, box)
        found[colour] = [*map(min, old[:2], box[:2]), *map(max, old[2:], box[2:])]
    return found


def test_what_is_drawn_is_chosen_and_kept(page: Browser) -> None:
    switch(page, boxes=True, labels=True, trails=True, zones=True, pause=True)
    page.wait_for("document.querySelector('.picture').dataset.frame", "a result")
    whole = count_marks(page)
    assert whole > 0
    switch(page, labels=False)
    assert count_marks(page) < whole, "boxes and trails alone"
    switch(page, trails=False, zones=False, boxes=False)
    assert count_marks(page) == 0
    page.evaluate("globalThis.isOld = true")
    page.call("Page.reload")
    page.wait_for(f"!globalThis.isOld && {FRAME}", "it is loaded again")
    assert page.evaluate("document.getElementById('boxes').ariaPressed") == "false"
    assert count_marks(page) == 0
    switch(page, boxes=True)
    page.wait_for("document.querySelector('.picture').dataset.frame != ''", "a result")
    switch(page, labels=True, trails=True, zones=True)


def test_a_paused_picture_stays(page: Browser) -> None:
    first = page.evaluate(FRAME)
    page.wait_for(f"{FRAME} != {first!r}", "the picture changes")
    switch(page, pause=True)
    page.evaluate("new Promise((resolve) => setTimeout(resolve, 1000))")
    held = page.evaluate(FRAME)
    page.evaluate("new Promise((resolve) => setTimeout(resolve, 1500))")
    assert page.evaluate(FRAME) == held
    switch(page, pause=False)
    page.wait_for(f"{FRAME} != {held!r}", "the picture changes again")


def test_events_come_and_are_chosen_by_kind(page: Browser) -> None:
    rows = "document.querySelectorAll('#events li').length"
    assert page.evaluate(rows) == 0, "there are no zones, and objects are not asked for"
    page.evaluate("document.querySelector('#events input[value=tracks]').click()")
    page.wait_for(f"{rows} > 0", "objects come and go")
    text = page.evaluate("document.querySelector('#events li').textContent")
    assert re.search(r"\w+ \d+ (came|is gone after)", text), text


def test_that_no_event_is_of_a_ticked_kind_is_not_said_of_all_events(page: Browser) -> None:
    ticked = "#events input:checked"
    page.evaluate(f"document.querySelectorAll('{ticked}').forEach((each) => each.click())")
    page.wait_for("!document.querySelector('#events li')", "no kind is ticked")
    told = page.evaluate("document.querySelector('#events .none').innerText")
    page.evaluate("document.querySelectorAll('#events input').forEach((each) => each.click())")
    page.wait_for(
        "document.querySelector('#events li') !== null", "events, which were there all the time"
    )
    assert told == "Nothing of what is ticked has happened."


def test_a_camera_can_be_seen_alone(page: Browser) -> None:
    page.evaluate("document.querySelector('.enlarge').click()")
    page.wait_for("document.body.classList.contains('single')", "one camera")
    seen = "[...document.querySelectorAll('.card')].filter((card) => card.offsetParent).length"
    assert page.evaluate(seen) == 1
    assert page.evaluate("document.querySelector('.large .picture').clientWidth") > 700
    assert page.evaluate("document.getElementById('events-of').value") == "street"
    page.evaluate("history.back()")
    page.wait_for("!document.body.classList.contains('single')", "all cameras")
    assert page.evaluate(seen) == 2


def test_no_password_is_on_the_page(page: Browser) -> None:
    page.wait_for("document.body.textContent.includes('127.0.0.1:1')", "why yard is not there")
    assert SECRET not in page.evaluate("document.documentElement.outerHTML")


@pytest.mark.parametrize("process", ["web", "publish"])
def test_the_page_goes_on_when_a_process_was_killed(
    web: WebLine, page: Browser, process: str
) -> None:
    web.line.kill_running(process)
    held = page.evaluate(FRAME)
    page.wait_for(f"{FRAME} && {FRAME} != {held!r}", "results of new frames are drawn")
    page.wait_for("document.getElementById('trouble').hidden", "it answers again")


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_the_page_is_as_wide_as_the_screen(page: Browser, width: int) -> None:
    page.resize(width, 800, dark=width == 390)
    page.wait_for(f"innerWidth == {width}", "the screen is of this width")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    small = page.evaluate("""[...document.querySelectorAll('button, select, summary')]
      .filter((each) => each.offsetParent && each.getBoundingClientRect().height < 24)
      .map((each) => each.outerHTML)""")
    assert small == [], "WCAG 2.2: a target has 24 pixels"


def test_a_browser_had_nothing_to_complain_of(page: Browser) -> None:
    """But for the answer without a token, events that are not kept, and what was killed."""
    expected = ("status of 401", "status of 404", "status of 503", "net::ERR_", *CUT_OFF)
    assert [text for text in page.complaints if not any(word in text for word in expected)] == []
